//===- ReshardReference.cpp -----------------------------------------------===//

#include "ReshardReference.h"
#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <string>

using namespace tpc;
using namespace tpc::test;

ReshardReference::ReshardReference(const Mesh &mesh, std::vector<int64_t> shape, double alpha,
                                   double beta)
    : shape(std::move(shape)), alpha(alpha), beta(beta) {
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
    int64_t rest = mesh.axes[axis].size, pre = 1;
    for (int64_t prime = 2; rest > 1; ++prime)
      for (; rest % prime == 0; rest /= prime, pre *= prime)
        parts.push_back({axis, pre, prime});
  }
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

ReshardReference::State ReshardReference::getState(const Layout &layout) const {
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

int64_t ReshardReference::getParts(const std::vector<unsigned> &list) const {
  int64_t count = 1;
  for (unsigned part : list)
    count *= parts[part].size;
  return count;
}

double ReshardReference::getBytes(const State &state) const {
  double bytes = 4;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    bytes *= static_cast<double>(shape[dim]) / static_cast<double>(getParts(state.dims[dim]));
  return bytes;
}

bool ReshardReference::isEven(const State &state) const {
  for (size_t dim = 0; dim < shape.size(); ++dim)
    if (shape[dim] % getParts(state.dims[dim]) != 0)
      return false;
  return true;
}

uint64_t ReshardReference::getKey(const State &state) const {
  uint64_t key = 0;
  for (const auto &list : state.dims) {
    for (unsigned part : list)
      key = key * 16 + part + 1;
    key = key * 16 + 15;
  }
  return key << parts.size() | state.summed;
}

std::string ReshardReference::getSignature(const State &state) const {
  std::string text = std::to_string(state.summed);
  for (const auto &list : state.dims)
    text += "," + std::to_string(getParts(list));
  return text;
}

/// New names for the parts: those of one size in the order in which the state has them.
std::vector<unsigned> ReshardReference::getCanonicalNames(const State &state) const {
  std::vector<unsigned> order, names(parts.size());
  for (const auto &list : state.dims)
    order.insert(order.end(), list.begin(), list.end());
  for (bool summed : {true, false})
    for (unsigned part = 0; part < parts.size(); ++part)
      if (bool(state.summed >> part & 1) == summed && !std::count(order.begin(), order.end(), part))
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

ReshardReference::State ReshardReference::rename(State state,
                                                 const std::vector<unsigned> &names) const {
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

void ReshardReference::addSlices(const State &state, Neighbours &next) const {
  unsigned used = state.summed;
  for (const auto &list : state.dims)
    for (unsigned part : list)
      used |= 1u << part;
  for (unsigned part = 0; part < parts.size(); ++part)
    for (unsigned dim = 0; dim < shape.size() && !(used >> part & 1); ++dim) {
      State sliced = state;
      sliced.dims[dim].push_back(part);
      next.push_back({sliced, 0});
    }
}

void ReshardReference::addMovesOfSuffixes(const State &state, Neighbours &next) const {
  double bytes = getBytes(state);
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    for (size_t kept = 0; kept < state.dims[dim].size(); ++kept) {
      std::vector<unsigned> moved(state.dims[dim].begin() + kept, state.dims[dim].end());
      double n = static_cast<double>(getParts(moved));
      State gathered = state;
      gathered.dims[dim].resize(kept);
      next.push_back({gathered, alpha + beta * (n - 1) * bytes});
      for (unsigned other = 0; other < shape.size(); ++other) {
        if (other == dim)
          continue;
        State exchanged = gathered;
        exchanged.dims[other].insert(exchanged.dims[other].end(), moved.begin(), moved.end());
        next.push_back({exchanged, alpha + beta * (n - 1) / n * bytes});
      }
    }
}

/// Every ordered choice of summed parts that begins with `chosen`.
void ReshardReference::addReductions(const State &state, std::vector<unsigned> &chosen,
                                     Neighbours &next) const {
  for (unsigned part = 0; part < parts.size(); ++part) {
    if (!(state.summed >> part & 1) || std::count(chosen.begin(), chosen.end(), part))
      continue;
    chosen.push_back(part);
    double n = static_cast<double>(getParts(chosen)), bytes = getBytes(state);
    State reduced = state;
    for (unsigned done : chosen)
      reduced.summed &= ~(1u << done);
    next.push_back({reduced, alpha + beta * 2 * (n - 1) / n * bytes});
    for (unsigned dim = 0; dim < shape.size(); ++dim) {
      State scattered = reduced;
      scattered.dims[dim].insert(scattered.dims[dim].end(), chosen.begin(), chosen.end());
      next.push_back({scattered, alpha + beta * (n - 1) / n * bytes});
    }
    addReductions(state, chosen, next);
    chosen.pop_back();
  }
}

/// All layouts with the same number of shards in every dimension and the same sums.
std::vector<ReshardReference::State> ReshardReference::getPermuted(const State &state) const {
  std::vector<State> found;
  State next;
  next.dims.resize(shape.size());
  next.summed = state.summed;
  std::function<void(unsigned, unsigned)> fill = [&](unsigned dim, unsigned used) {
    if (dim == shape.size())
      return found.push_back(next);
    int64_t left = getParts(state.dims[dim]) / getParts(next.dims[dim]);
    if (left == 1)
      return fill(dim + 1, used);
    for (unsigned part = 0; part < parts.size(); ++part) {
      if (used >> part & 1 || left % parts[part].size != 0)
        continue;
      next.dims[dim].push_back(part);
      fill(dim, used | 1u << part);
      next.dims[dim].pop_back();
    }
  };
  fill(0, state.summed);
  return found;
}

ReshardReference::Neighbours ReshardReference::getNeighbours(const State &state) const {
  Neighbours next;
  std::vector<unsigned> chosen;
  addSlices(state, next);
  addMovesOfSuffixes(state, next);
  addReductions(state, chosen, next);
  return next;
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

ReshardReference::Distances ReshardReference::search(const State &from) const {
  struct Entry {
    double seconds;
    State state;
    bool operator<(const Entry &other) const { return seconds > other.seconds; }
  };
  Distances distances = {{getKey(from), 0}};
  std::set<std::string> permuted; // the first of a signature reaches all others at the least price
  std::priority_queue<Entry> queue;
  auto push = [&](State state, double seconds) {
    if (!isEven(state))
      return;
    auto [entry, isNew] = distances.try_emplace(getKey(state), seconds);
    if (!isNew && entry->second <= seconds)
      return;
    entry->second = seconds;
    queue.push({seconds, std::move(state)});
  };
  queue.push({0, from});
  while (!queue.empty()) {
    auto [seconds, state] = queue.top();
    queue.pop();
    if (seconds > distances[getKey(state)])
      continue;
    for (auto &[next, price] : getNeighbours(state))
      push(std::move(next), seconds + price);
    if (permuted.insert(getSignature(state)).second)
      for (State &next : getPermuted(state))
        push(std::move(next), seconds + alpha + beta * getBytes(state));
  }
  return distances;
}

double ReshardReference::getSeconds(const Layout &from, const Layout &to) {
  State first = getState(from);
  std::vector<unsigned> names = getCanonicalNames(first);
  first = rename(first, names);
  auto [entry, isNew] = known.try_emplace(getKey(first));
  if (isNew)
    entry->second = search(first);
  return entry->second.at(getKey(rename(getState(to), names)));
}
