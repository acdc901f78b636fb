//===- ReshardReference.cpp -----------------------------------------------===//

#include "ReshardReference.h"
#include <algorithm>
#include <limits>
#include <queue>

using namespace tpc;
using namespace tpc::test;

ReshardGraph::ReshardGraph(const Mesh &mesh, std::vector<int64_t> tensorShape, unsigned summedAxes)
    : shape(std::move(tensorShape)) {
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
    int64_t rest = mesh.axes[axis].size, pre = 1;
    for (int64_t prime = 2; rest > 1; ++prime)
      for (; rest % prime == 0; rest /= prime, pre *= prime)
        parts.push_back({axis, pre, prime});
  }
  for (unsigned summed = 0; summed < 1u << parts.size(); ++summed) {
    if (getAxes(summed) & ~summedAxes)
      continue;
    State state;
    state.dims.resize(shape.size());
    state.summed = summed;
    addStates(state, 0, summed);
  }
  edges.resize(states.size());
  for (unsigned number = 0; number < states.size(); ++number) {
    std::vector<unsigned> chosen;
    addPermuteClass(number);
    addSlices(number);
    addMovesOfSuffixes(number);
    addReductions(number, chosen);
  }
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// Every way to extend `state` in `dim` and behind by parts that are not in `used`.
void ReshardGraph::addStates(State &state, unsigned dim, unsigned used) {
  if (dim == shape.size()) {
    numbers[getKey(state)] = states.size();
    states.push_back(state);
    return;
  }
  addStates(state, dim + 1, used);
  for (unsigned part = 0; part < parts.size(); ++part) {
    if (used >> part & 1)
      continue;
    state.dims[dim].push_back(part);
    if (shape[dim] % getParts(state.dims[dim]) == 0)
      addStates(state, dim, used | 1u << part);
    state.dims[dim].pop_back();
  }
}

ReshardGraph::State ReshardGraph::getState(const Layout &layout) const {
  State state;
  for (const AxisList &axes : layout.dims) {
    auto &list = state.dims.emplace_back();
    for (const AxisRef &ref : axes)
      for (unsigned part = 0; part < parts.size(); ++part)
        if (ref.contains(parts[part]))
          list.push_back(part);
  }
  for (const AxisRef &ref : layout.partial)
    for (unsigned part = 0; part < parts.size(); ++part)
      if (ref.contains(parts[part]))
        state.summed |= 1u << part;
  return state;
}

int64_t ReshardGraph::getParts(const std::vector<unsigned> &list) const {
  int64_t count = 1;
  for (unsigned part : list)
    count *= parts[part].size;
  return count;
}

double ReshardGraph::getBytes(const State &state) const {
  double bytes = 4;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    bytes *= static_cast<double>(shape[dim]) / static_cast<double>(getParts(state.dims[dim]));
  return bytes;
}

uint64_t ReshardGraph::getKey(const State &state) const {
  uint64_t key = 0;
  for (const auto &list : state.dims) {
    for (unsigned part : list)
      key = key * 16 + part + 1;
    key = key * 16 + 15;
  }
  return key << parts.size() | state.summed;
}

std::vector<unsigned> ReshardGraph::getCanonicalNames(const State &state) const {
  std::vector<unsigned> order, names(parts.size());
  for (unsigned part = 0; part < parts.size(); ++part)
    if (state.summed >> part & 1)
      order.push_back(part);
  for (const auto &list : state.dims)
    order.insert(order.end(), list.begin(), list.end());
  for (unsigned part = 0; part < parts.size(); ++part)
    if (!std::count(order.begin(), order.end(), part))
      order.push_back(part);
  std::vector<bool> taken(parts.size(), false);
  for (unsigned part : order)
    for (unsigned name = 0; name < parts.size(); ++name)
      if (!taken[name] && parts[name].size == parts[part].size) {
        names[part] = name;
        taken[name] = true;
        break;
      }
  return names;
}

ReshardGraph::State ReshardGraph::rename(State state, const std::vector<unsigned> &names) const {
  for (auto &list : state.dims)
    for (unsigned &part : list)
      part = names[part];
  unsigned summed = 0;
  for (unsigned part = 0; part < parts.size(); ++part)
    if (state.summed >> part & 1)
      summed |= 1u << names[part];
  state.summed = summed;
  return state;
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

void ReshardGraph::addPermuteClass(unsigned number) {
  const State &state = states[number];
  std::vector<int64_t> invariant = {state.summed};
  for (const auto &list : state.dims)
    invariant.push_back(getParts(list));
  auto [entry, isNew] = classNumbers.try_emplace(invariant, classes.size());
  if (isNew)
    classes.push_back({{}, getBytes(state)});
  classes[entry->second].members.push_back(number);
  classOf.push_back(entry->second);
}

void ReshardGraph::addEdge(unsigned from, const State &to, double bytes, unsigned group) {
  if (auto target = numbers.find(getKey(to)); target != numbers.end())
    edges[from].push_back({target->second, bytes, group});
}

unsigned ReshardGraph::getAxes(unsigned group) const {
  unsigned axes = 0;
  for (unsigned part = 0; part < parts.size(); ++part)
    if (group >> part & 1)
      axes |= 1u << parts[part].axis;
  return axes;
}

unsigned ReshardGraph::getPermuted(unsigned from, unsigned to) const {
  std::vector<std::pair<size_t, int64_t>>
      places[2]; // dimension and stride; none: (no dimension, 0)
  for (unsigned side : {0, 1}) {
    places[side].assign(parts.size(), {shape.size(), 0});
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      const std::vector<unsigned> &list = states[side ? to : from].dims[dim];
      int64_t stride = 1;
      for (size_t i = list.size(); i-- > 0; stride *= parts[list[i]].size)
        places[side][list[i]] = {dim, stride};
    }
  }
  unsigned group = 0;
  for (unsigned part = 0; part < parts.size(); ++part)
    if (places[0][part] != places[1][part])
      group |= 1u << part;
  return group;
}

static unsigned getSet(const std::vector<unsigned> &list) {
  unsigned set = 0;
  for (unsigned part : list)
    set |= 1u << part;
  return set;
}

void ReshardGraph::addSlices(unsigned number) {
  const State &state = states[number];
  unsigned used = state.summed;
  for (const auto &list : state.dims)
    for (unsigned part : list)
      used |= 1u << part;
  for (unsigned part = 0; part < parts.size(); ++part)
    for (unsigned dim = 0; dim < shape.size() && !(used >> part & 1); ++dim) {
      State sliced = state;
      sliced.dims[dim].push_back(part);
      addEdge(number, sliced, 0, 0);
    }
}

void ReshardGraph::addMovesOfSuffixes(unsigned number) {
  const State &state = states[number];
  double bytes = getBytes(state);
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    for (size_t kept = 0; kept < state.dims[dim].size(); ++kept) {
      std::vector<unsigned> moved(state.dims[dim].begin() + kept, state.dims[dim].end());
      double n = static_cast<double>(getParts(moved));
      State gathered = state;
      gathered.dims[dim].resize(kept);
      addEdge(number, gathered, (n - 1) * bytes, getSet(moved));
      for (unsigned other = 0; other < shape.size(); ++other) {
        if (other == dim)
          continue;
        State exchanged = gathered;
        exchanged.dims[other].insert(exchanged.dims[other].end(), moved.begin(), moved.end());
        addEdge(number, exchanged, (n - 1) / n * bytes, getSet(moved));
      }
    }
}

/// Every ordered choice of summed parts that begins with `chosen`.
void ReshardGraph::addReductions(unsigned number, std::vector<unsigned> &chosen) {
  const State &state = states[number];
  for (unsigned part = 0; part < parts.size(); ++part) {
    if (!(state.summed >> part & 1) || std::count(chosen.begin(), chosen.end(), part))
      continue;
    chosen.push_back(part);
    double n = static_cast<double>(getParts(chosen)), bytes = getBytes(state);
    State reduced = state;
    for (unsigned done : chosen)
      reduced.summed &= ~(1u << done);
    addEdge(number, reduced, 2 * (n - 1) / n * bytes, getSet(chosen));
    for (unsigned dim = 0; dim < shape.size(); ++dim) {
      State scattered = reduced;
      scattered.dims[dim].insert(scattered.dims[dim].end(), chosen.begin(), chosen.end());
      addEdge(number, scattered, (n - 1) / n * bytes, getSet(chosen));
    }
    addReductions(number, chosen);
    chosen.pop_back();
  }
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

double ReshardReference::getPrice(double bytes, unsigned group) const {
  if (bytes == 0)
    return 0;
  double alpha = links.size() == 1 ? links[0].alpha : 0,
         beta = links.size() == 1 ? links[0].beta : 0;
  for (size_t axis = 0; links.size() > 1 && axis < links.size(); ++axis)
    if (graph.getAxes(group) >> axis & 1) {
      alpha = std::max(alpha, links[axis].alpha);
      beta = std::max(beta, links[axis].beta);
    }
  return alpha + beta * bytes;
}

/// Of one link, the first of a class that the search comes to reaches all others at the least
/// price.
std::vector<double> ReshardReference::search(unsigned from) const {
  using Entry = std::pair<double, unsigned>;
  std::vector<double> seconds(graph.size(), std::numeric_limits<double>::infinity());
  std::vector<bool> permuted(graph.getPermuteClasses().size(), false);
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
  auto reach = [&](unsigned state, double price) {
    if (price >= seconds[state])
      return;
    seconds[state] = price;
    queue.push({price, state});
  };
  reach(from, 0);
  while (!queue.empty()) {
    auto [price, state] = queue.top();
    queue.pop();
    if (price > seconds[state])
      continue;
    for (const ReshardGraph::Edge &edge : graph.getEdges(state))
      reach(edge.target, price + getPrice(edge.bytes, edge.group));
    unsigned number = graph.getPermuteClass(state);
    const ReshardGraph::PermuteClass &others = graph.getPermuteClasses()[number];
    if (permuted[number])
      continue;
    for (unsigned other : others.members)
      reach(other, price + getPrice(others.bytes, graph.getPermuted(state, other)));
    permuted[number] = links.size() == 1;
  }
  return seconds;
}

double ReshardReference::getSeconds(const Layout &from, const Layout &to) {
  ReshardGraph::State first = graph.getState(from);
  std::vector<unsigned> names = graph.getCanonicalNames(first);
  for (unsigned part = 0; links.size() > 1 && part < names.size(); ++part)
    names[part] = part;
  unsigned source = graph.getNumber(graph.rename(first, names));
  auto [entry, isNew] = known.try_emplace(source);
  if (isNew)
    entry->second = search(source);
  return entry->second[graph.getNumber(graph.rename(graph.getState(to), names))];
}
