//===- PermuteSearch.cpp --------------------------------------------------===//

#include "PermuteSearch.h"
#include "llvm/ADT/STLExtras.h"

using namespace tpc;
using llvm::ArrayRef;

PermuteSearch::PermuteSearch(const CostModel &cost, const AtomTable &atoms, ArrayRef<int64_t> shape,
                             const ReshardBound &bound, const ReshardState &source,
                             const ReshardState &target, int64_t memoryCap, int64_t limit)
    : cost(cost), atoms(atoms), shape(shape), bound(bound), source(source), target(target),
      memoryCap(memoryCap), limit(limit), complete(limit) {
  for (Side side : {After, Before})
    for (uint8_t atom = 0; atom < atoms.size(); ++atom)
      classes[side].push_back(2 * atoms.getSize(atom) + (side == After && isSummable(atom)));
  for (Side side : {After, Before})
    sources[side] = atoms.getRenamed(source, classes[side]);
  run();
}

int64_t PermuteSearch::getBound(const ReshardState &state) const {
  auto entry = known[After].find(atoms.getRenamed(state, classes[After]));
  return entry == known[After].end() ? complete : std::min(entry->second, complete);
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

int64_t PermuteSearch::getPrice(CollectiveKind kind, int64_t group,
                                const ReshardState &operand) const {
  return toFemtoseconds(cost.getSeconds(kind, AxisRef{0, 1, group}, bound.getLocalBytes(operand)));
}

/// What any way from the source to `state` takes at least: a collective for the sums, one for every
/// dimension with fewer parts than at first, and the bytes that a rank must receive.
int64_t PermuteSearch::getLeastBefore(const ReshardState &state) const {
  double wanted = bound.getLocalBytes(state), held = bound.getLocalBytes(source), bytes = 0;
  int64_t summed = atoms.getSize(source.partial) / atoms.getSize(state.partial), collectives = 0;
  if (summed > 1) {
    ++collectives;
    double operand = held / static_cast<double>(atoms.getSize(atoms.getUnused(source)));
    held = operand / static_cast<double>(summed);
    bytes = operand - held;
  }
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    collectives += atoms.getSize(state.getDim(dim)) < atoms.getSize(source.getDim(dim));
  bytes += std::max(0.0, wanted - held);
  return toFemtoseconds(cost.getLeastLatency() * static_cast<double>(collectives) +
                        cost.getLeastSecondsPerByte() * bytes);
}

/// Does the source have these sums too?
bool PermuteSearch::hasSums(const ReshardState &state, Side side) const {
  if (state.partial == 0)
    return true;
  llvm::SmallVector<unsigned> left;
  for (uint8_t atom : getList(source.partial))
    left.push_back(classes[side][atom]);
  for (uint8_t atom : getList(state.partial)) {
    auto *found = llvm::find(left, classes[side][atom]);
    if (found == left.end())
      return false;
    left.erase(found);
  }
  return true;
}

void PermuteSearch::push(const ReshardState &before, Side side, int64_t next, Move move,
                         int64_t group) {
  int64_t price = getPrice(move.kind, group, before) + (next < 0 ? 0 : nodes[next].price);
  if (price + getLeastBefore(before) >= limit || !hasSums(before, side))
    return;
  ReshardState state = atoms.getRenamed(before, classes[side]);
  bool between = next >= 0 && state != sources[side];
  if (between && bound.getLocalBytes(state) > static_cast<double>(memoryCap))
    return;
  auto [entry, isNew] = known[side].try_emplace(state, price);
  if (!isNew && entry->second <= price)
    return;
  entry->second = price;
  queue.push({price, static_cast<int64_t>(nodes.size())});
  nodes.push_back({state, side, price, next, move});
}

void PermuteSearch::run() {
  push(target, After, -1, {CollectiveKind::Slice, 0, 0}, 1);
  while (!queue.empty()) {
    auto [price, index] = queue.top();
    queue.pop();
    const Node node = nodes[index]; // as `nodes` grows
    if (known[node.side].lookup(node.state) < price)
      continue;
    if (node.side == Before && node.state == sources[Before]) {
      found = index;
      complete = price;
      return;
    }
    visitSlices(index, node);
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      visitGathers(index, node, node.state, dim, 1);
    visitExchanges(index, node);
    visitScatters(index, node);
    visitAllReduces(index, node, node.state, 0, 1);
    visitPermutes(index, node);
  }
}

//===----------------------------------------------------------------------===//
// Moves, backwards
//===----------------------------------------------------------------------===//

/// Is there none of the same class before `atom` in the set?
bool PermuteSearch::isFirst(uint8_t atom, uint32_t set, Side side) const {
  for (uint8_t other = 0; other < atom; ++other)
    if (set >> other & 1 && classes[side][other] == classes[side][atom])
      return false;
  return set >> atom & 1;
}

bool PermuteSearch::divides(const ReshardState &state, unsigned dim) const {
  return shape[dim] % atoms.getSize(state.getDim(dim)) == 0;
}

void PermuteSearch::visitSlices(int64_t index, const Node &node) {
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    if (node.state.getDim(dim).empty())
      continue;
    ReshardState before = node.state;
    before.dropBack(dim, 1);
    push(before, node.side, index, {CollectiveKind::Slice, dim, 0}, 1);
  }
}

/// Every list of unused atoms that `dim` may have had behind what it has in `before`.
void PermuteSearch::visitGathers(int64_t index, const Node &node, const ReshardState &before,
                                 unsigned dim, int64_t group) {
  uint32_t unused = atoms.getUnused(before);
  for (uint8_t atom : getList(unused)) {
    ReshardState longer = before;
    longer.append(dim, atom);
    if (!isFirst(atom, unused, node.side) || !divides(longer, dim))
      continue;
    int64_t ranks = group * atoms.getSize(atom);
    push(longer, node.side, index, {CollectiveKind::AllGather, dim, 0}, ranks);
    visitGathers(index, node, longer, dim, ranks);
  }
}

void PermuteSearch::visitExchanges(int64_t index, const Node &node) {
  for (unsigned splitDim = 0; splitDim < shape.size(); ++splitDim)
    for (unsigned dim = 0; dim < shape.size(); ++dim) {
      ArrayRef<uint8_t> list = node.state.getDim(splitDim);
      for (size_t count = 1; dim != splitDim && count <= list.size(); ++count) {
        ReshardState before = node.state;
        before.dropBack(splitDim, count);
        before.append(dim, list.take_back(count));
        if (divides(before, dim))
          push(before, node.side, index, {CollectiveKind::AllToAll, dim, splitDim},
               atoms.getSize(list.take_back(count)));
      }
    }
}

void PermuteSearch::visitScatters(int64_t index, const Node &node) {
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    ReshardState before = node.state;
    int64_t group = 1;
    for (uint8_t atom : llvm::reverse(node.state.getDim(dim))) {
      before.dropBack(dim, 1);
      before.partial |= 1u << atom;
      group *= atoms.getSize(atom);
      push(before, node.side, index, {CollectiveKind::ReduceScatter, dim, 0}, group);
    }
  }
}

/// Every set of unused atoms from `first` on that may have been sums too.
void PermuteSearch::visitAllReduces(int64_t index, const Node &node, const ReshardState &before,
                                    uint8_t first, int64_t group) {
  uint32_t unused = atoms.getUnused(before);
  for (uint8_t atom = first; atom < atoms.size(); ++atom) {
    if (!isFirst(atom, unused, node.side))
      continue;
    ReshardState summed = before;
    summed.partial |= 1u << atom;
    if (!hasSums(summed, node.side))
      continue;
    int64_t ranks = group * atoms.getSize(atom);
    push(summed, node.side, index, {CollectiveKind::AllReduce, 0, 0}, ranks);
    visitAllReduces(index, node, summed, atom + 1, ranks);
  }
}

void PermuteSearch::visitPermutes(int64_t index, const Node &node) {
  if (node.state.getAtoms().empty())
    return;
  ReshardState before(node.state.getRank(), node.state.partial);
  fillDims(index, node, 0, atoms.getSize(node.state.getDim(0)), before);
}

/// Every order of sizes with the numbers of shards that the dimensions of `node` have.
void PermuteSearch::fillDims(int64_t index, const Node &node, unsigned dim, int64_t remaining,
                             ReshardState &before) {
  if (remaining == 1 && dim + 1 < shape.size())
    return fillDims(index, node, dim + 1, atoms.getSize(node.state.getDim(dim + 1)), before);
  if (remaining == 1)
    return push(before, Before, index, {CollectiveKind::Permute, 0, 0}, 1);
  uint32_t unused = atoms.getUnused(before);
  for (uint8_t atom : getList(unused)) {
    if (!isFirst(atom, unused, Before) || remaining % atoms.getSize(atom) != 0)
      continue;
    before.append(dim, atom);
    fillDims(index, node, dim, remaining / atoms.getSize(atom), before);
    before.dropBack(dim, 1);
  }
}

//===----------------------------------------------------------------------===//
// The way, with the names of atoms
//===----------------------------------------------------------------------===//

/// The first atom of `set` in the class of `model`.
uint8_t PermuteSearch::pick(uint32_t set, uint8_t model, Side side) const {
  for (uint8_t atom : getList(set))
    if (classes[side][atom] == classes[side][model])
      return atom;
  llvm_unreachable("layouts of one class have as many atoms of each size");
}

/// The sums that `more` has and `less` has not, as atoms of their classes.
AtomList PermuteSearch::getSummed(const ReshardState &more, const ReshardState &less,
                                  Side side) const {
  AtomList rest = getList(more.partial);
  for (uint8_t atom : getList(less.partial))
    rest.erase(llvm::find_if(
        rest, [&](uint8_t other) { return classes[side][other] == classes[side][atom]; }));
  return rest;
}

/// What `move` takes to `after`, where the classes are those of a move from `from`.
ReshardState PermuteSearch::undo(const Node &from, const ReshardState &after) const {
  const Node &to = nodes[from.next];
  auto [kind, dim, splitDim] = from.move;
  ReshardState before = after;
  auto getCount = [&](const Node &longer, const Node &shorter, unsigned dim) {
    return longer.state.getDim(dim).size() - shorter.state.getDim(dim).size();
  };
  switch (kind) {
  case CollectiveKind::Slice:
    before.dropBack(dim, 1);
    break;
  case CollectiveKind::AllGather:
    for (uint8_t model : from.state.getDim(dim).take_back(getCount(from, to, dim)))
      before.append(dim, pick(atoms.getUnused(before), model, After));
    break;
  case CollectiveKind::AllToAll:
    before.dropBack(splitDim, getCount(to, from, splitDim));
    before.append(dim, after.getDim(splitDim).take_back(getCount(to, from, splitDim)));
    break;
  case CollectiveKind::ReduceScatter:
    before.dropBack(dim, getCount(to, from, dim));
    for (uint8_t atom : after.getDim(dim).take_back(getCount(to, from, dim)))
      before.partial |= 1u << atom;
    break;
  case CollectiveKind::AllReduce:
    for (uint8_t model : getSummed(from.state, to.state, After))
      before.partial |= 1u << pick(atoms.getUnused(before), model, After);
    break;
  case CollectiveKind::Permute:
    llvm_unreachable("none after the permute");
  }
  return before;
}

/// What the move from `from` makes of `before`; the sums `kept` stay.
ReshardState PermuteSearch::redo(const Node &from, const ReshardState &before,
                                 uint32_t kept) const {
  const Node &to = nodes[from.next];
  auto [kind, dim, splitDim] = from.move;
  ReshardState after = before;
  size_t count = from.state.getDim(dim).size() - to.state.getDim(dim).size();
  auto takeSum = [&](uint8_t model) {
    uint8_t atom = pick(after.partial & ~kept, model, Before);
    after.partial &= ~(1u << atom);
    return atom;
  };
  switch (kind) {
  case CollectiveKind::Slice:
    after.append(dim, pick(atoms.getUnused(after), to.state.getDim(dim).back(), Before));
    break;
  case CollectiveKind::AllGather:
    after.dropBack(dim, count);
    break;
  case CollectiveKind::AllToAll:
    after.dropBack(dim, count);
    after.append(splitDim, before.getDim(dim).take_back(count));
    break;
  case CollectiveKind::ReduceScatter:
    for (uint8_t model : to.state.getDim(dim).drop_front(from.state.getDim(dim).size()))
      after.append(dim, takeSum(model));
    break;
  case CollectiveKind::AllReduce:
    for (uint8_t model : getSummed(from.state, to.state, Before))
      takeSum(model);
    break;
  case CollectiveKind::Permute:
    after = ReshardState(before.getRank(), before.partial);
    for (unsigned other = 0; other < shape.size(); ++other)
      for (uint8_t model : to.state.getDim(other))
        after.append(other, pick(atoms.getUnused(after), model, Before));
    break;
  }
  return after;
}

std::vector<ReshardNode> PermuteSearch::getPath() const {
  std::vector<int64_t> before, after;
  for (int64_t index = found; index >= 0; index = nodes[index].next)
    (nodes[index].side == Before ? before : after).push_back(index);
  if (before.empty())
    return {};
  std::vector<ReshardState> last = {target};
  for (int64_t index : llvm::drop_begin(llvm::reverse(after)))
    last.push_back(undo(nodes[index], last.back()));
  std::vector<ReshardState> states = {source};
  for (int64_t index : llvm::drop_end(before))
    states.push_back(redo(nodes[index], states.back(), last.back().partial));
  states.insert(states.end(), last.rbegin(), last.rend());
  std::vector<ReshardNode> path = {{source, {0, 0}, -1}};
  before.insert(before.end(), after.begin(), after.end());
  for (size_t i = 1; i < states.size(); ++i) {
    const Node &from = nodes[before[i - 1]];
    ReshardPrice price = {nodes[found].price - nodes[before[i]].price, static_cast<int64_t>(i)};
    path.push_back({states[i], price, static_cast<int64_t>(i) - 1, from.move.kind, from.move.dim,
                    from.move.splitDim});
  }
  return path;
}
