//===- ReshardSearch.cpp --------------------------------------------------===//

#include "ReshardSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace tpc;
using llvm::ArrayRef;

static int64_t toFemtoseconds(double seconds) { return std::llround(seconds * 1e15); }

/// Femtoseconds by which rounding each move of a way may make it cheaper than the bound.
static constexpr int64_t slack = 4;

ReshardSearch::ReshardSearch(const CostModel &cost, const AtomTable &atoms, ArrayRef<int64_t> shape,
                             int64_t elementBytes, int64_t memoryCap)
    : cost(cost), atoms(atoms), memoryCap(memoryCap), generator(atoms, shape),
      bound(cost, atoms, shape, elementBytes) {}

int64_t ReshardSearch::getBound(const ReshardState &state, const ReshardState &target) const {
  return std::max<int64_t>(toFemtoseconds(bound.getSeconds(state, target)) - slack, 0);
}

bool ReshardSearch::isProven(const ReshardState &from, const ReshardState &to,
                             int64_t price) const {
  return price <= getBound(from, to) + slack;
}

void ReshardSearch::push(ReshardNode node, const ReshardState &target) {
  ReshardPrice estimate = {node.price.first + getBound(node.state, target), node.price.second};
  if (estimate.first >= limit)
    return;
  auto [entry, inserted] = best.try_emplace(node.state.getKey(), node.price);
  if (!inserted && entry->second <= node.price)
    return;
  entry->second = node.price;
  queue.push({estimate, static_cast<int64_t>(nodes.size()), false});
  nodes.push_back(std::move(node));
}

void ReshardSearch::follow(int64_t index, llvm::SmallVector<ReshardMove> moves,
                           const ReshardState &target) {
  double bytes = bound.getLocalBytes(nodes[index].state);
  ReshardPrice before = nodes[index].price;
  for (ReshardMove &move : moves) {
    if (!(move.result == target) &&
        bound.getLocalBytes(move.result) > static_cast<double>(memoryCap))
      continue;
    double seconds = cost.getSeconds(move.kind, atoms.getAxes(move.atoms), bytes);
    ReshardPrice price = {before.first + toFemtoseconds(seconds), before.second + 1};
    push({std::move(move.result), price, index, move.kind, move.dim, move.splitDim,
          std::move(move.atoms)},
         target);
  }
}

/// What permutes leave as it is: the number of shards of every dimension, and the sums.
std::string ReshardSearch::getInvariant(const ReshardState &state) const {
  std::string text = std::to_string(state.partial);
  for (const AtomList &list : state.dims)
    text += "," + std::to_string(atoms.getSize(list));
  return text;
}

/// Where all links are alike, the permutes out of one layout serve every other one with the same
/// invariant that was not cheaper to come to.
bool ReshardSearch::servedByOthers(int64_t index) {
  int64_t price = nodes[index].price.first;
  auto [known, isNew] = permuted.try_emplace(getInvariant(nodes[index].state), price);
  if (!isNew && known->second <= price)
    return cost.hasEqualLinks();
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

std::vector<ReshardNode> ReshardSearch::run(const ReshardState &from, const ReshardState &to,
                                            int64_t limit) {
  this->limit = limit;
  push({from, {0, 0}, -1, CollectiveKind::Slice, 0, 0, {}}, to);
  while (!queue.empty()) {
    auto [estimate, index, permutes] = queue.top();
    queue.pop();
    ReshardState state = nodes[index].state;
    if (best.lookup(state.getKey()) < nodes[index].price)
      continue;
    if (state == to)
      return getPath(index);
    if (permutes) {
      if (servedByOthers(index))
        continue;
      follow(index, generator.getPermutes(state), to);
      continue;
    }
    follow(index, generator.getMoves(state), to);
    postponePermutes(index);
  }
  return {};
}
