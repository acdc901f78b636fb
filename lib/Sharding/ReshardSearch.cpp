//===- ReshardSearch.cpp --------------------------------------------------===//

#include "ReshardSearch.h"
#include "PermuteSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace tpc;
using llvm::ArrayRef;

int64_t tpc::toFemtoseconds(double seconds) { return std::llround(seconds * 1e15); }

/// Femtoseconds by which rounding each move of a way may make it cheaper than the bound.
static constexpr int64_t slack = 4;

ReshardSearch::ReshardSearch(const CostModel &cost, const AtomTable &atoms, ArrayRef<int64_t> shape,
                             int64_t elementBytes, const ReshardState &target, int64_t memoryCap)
    : cost(cost), atoms(atoms), target(target), equalLinks(cost.hasEqualLinks()),
      memoryCap(memoryCap), generator(atoms, shape),
      bound(cost, atoms, shape, elementBytes, target) {}

void ReshardSearch::leavePermutesOut(const PermuteSearch *bounds) {
  permutes = false;
  withoutPermutes = bounds;
  uint32_t wanted = target.partial;
  for (uint8_t atom : target.getAtoms())
    wanted |= 1u << atom;
  // Links may differ, so without bounds no two atoms are alike.
  for (uint8_t atom = 0; atom < atoms.size(); ++atom)
    classes.push_back(!bounds || wanted >> atom & 1 ? atom : 32 + atoms.getSize(atom));
}

int64_t ReshardSearch::getPlainBound(const ReshardState &state) const {
  return std::max<int64_t>(toFemtoseconds(bound.getSeconds(state)) - slack, 0);
}

int64_t ReshardSearch::getBound(const ReshardState &state) const {
  int64_t least = getPlainBound(state);
  return withoutPermutes ? std::max(least, withoutPermutes->getBound(state)) : least;
}

bool ReshardSearch::isProven(const ReshardState &from, int64_t price) const {
  return price <= getPlainBound(from) + slack;
}

/// What layouts are known by that are as far from the target.
ReshardState ReshardSearch::getName(const ReshardState &state) const {
  return classes.empty() ? state : atoms.getRenamed(state, classes);
}

void ReshardSearch::push(ReshardNode node) {
  ReshardPrice estimate = {node.price.first + getBound(node.state), node.price.second};
  if (estimate.first >= limit)
    return;
  auto [entry, inserted] = best.try_emplace(getName(node.state), node.price);
  if (!inserted && entry->second <= node.price)
    return;
  entry->second = node.price;
  queue.push({estimate, static_cast<int64_t>(nodes.size()), false});
  nodes.push_back(std::move(node));
}

/// Where all links are alike, whoever takes part in a permute receives a shard.
double ReshardSearch::getSeconds(const ReshardNode &from, CollectiveKind kind, unsigned dim,
                                 const ReshardState &result) const {
  double bytes = bound.getLocalBytes(from.state);
  if (kind == CollectiveKind::Permute && equalLinks)
    return cost.getLeastLatency() + cost.getLeastSecondsPerByte() * bytes;
  return cost.getSeconds(kind, atoms.getAxes(atoms.getMoved(kind, dim, from.state, result)), bytes);
}

void ReshardSearch::follow(int64_t index, bool permutes) {
  const ReshardNode from = nodes[index]; // as `nodes` grows
  auto visit = [&](CollectiveKind kind, unsigned dim, unsigned splitDim,
                   const ReshardState &result) {
    if (result != target && bound.getLocalBytes(result) > static_cast<double>(memoryCap))
      return;
    int64_t seconds = toFemtoseconds(getSeconds(from, kind, dim, result));
    push({result, {from.price.first + seconds, from.price.second + 1}, index, kind, dim, splitDim});
  };
  if (permutes)
    generator.visitPermutes(from.state, visit);
  else
    generator.visitMoves(from.state, visit);
}

/// What permutes leave as it is: the number of shards of every dimension, and the sums.
std::string ReshardSearch::getInvariant(const ReshardState &state) const {
  std::string text = std::to_string(state.partial);
  for (unsigned dim = 0; dim < state.getRank(); ++dim)
    text += "," + std::to_string(atoms.getSize(state.getDim(dim)));
  return text;
}

/// Where all links are alike, the permutes out of one layout serve every other one with the same
/// invariant that was not cheaper to come to.
bool ReshardSearch::servedByOthers(int64_t index) {
  int64_t price = nodes[index].price.first;
  auto [known, isNew] = permuted.try_emplace(getInvariant(nodes[index].state), price);
  if (!isNew && known->second <= price)
    return equalLinks;
  known->second = price;
  return false;
}

/// Permutes are generated only when nothing cheaper is left: there are factorially many.
void ReshardSearch::postponePermutes(int64_t index) {
  double seconds = cost.getLeastLatency() +
                   cost.getLeastSecondsPerByte() * bound.getLocalBytes(nodes[index].state);
  ReshardPrice price = nodes[index].price;
  price.first += toFemtoseconds(seconds) - slack;
  if (price.first < limit)
    queue.push({price, index, true});
}

std::vector<ReshardNode> ReshardSearch::getPath(int64_t index) const {
  std::vector<ReshardNode> path;
  for (; index >= 0; index = nodes[index].parent)
    path.push_back(nodes[index]);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<ReshardNode> ReshardSearch::run(const ReshardState &from, int64_t limit) {
  this->limit = limit;
  push({from, {0, 0}, -1});
  while (!queue.empty()) {
    auto [estimate, index, onlyPermutes] = queue.top();
    queue.pop();
    const ReshardNode &node = nodes[index];
    if (best.lookup(getName(node.state)) < node.price)
      continue;
    if (node.state == target)
      return getPath(index);
    if (onlyPermutes && servedByOthers(index))
      continue;
    follow(index, onlyPermutes);
    if (permutes && !onlyPermutes)
      postponePermutes(index);
  }
  return {};
}
