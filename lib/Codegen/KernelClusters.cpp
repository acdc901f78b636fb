//===- KernelClusters.cpp ------------------------------------------------------===//

#include "KernelClusters.h"

using namespace mlir;
using namespace tpc;

/// Operations further apart than this are not merged only because they read the same tensor.
static constexpr int64_t kSiblingDistance = 64;
/// Bounds the size of one kernel.
static constexpr size_t kMaxOps = 256;

Value KernelClusters::getSource(Value value) {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  while (broadcast && getPlacement(broadcast) == Placement::Inline) {
    value = broadcast.getInput();
    broadcast = value.getDefiningOp<BroadcastOp>();
  }
  return value;
}

KernelClusters::KernelClusters(Block &block) {
  SmallVector<Operation *> grid;
  for (Operation &op : block) {
    Placement placement = getPlacement(&op);
    if (placement == Placement::Inline)
      continue;
    addOp(&op);
    if (placement == Placement::Grid)
      grid.push_back(&op);
  }
  for (Operation *op : grid)
    if (clusters[find(op)].space->columns)
      absorbColumnProducers(op);
  for (Operation *op : grid) {
    mergeProducers(op);
    mergeSiblings(op);
  }
}

void KernelClusters::addOp(Operation *op) {
  int number = clusters.size();
  index[op] = number;
  parents.push_back(number);
  order.push_back(number);
  Cluster &cluster = clusters.emplace_back();
  cluster.ops.push_back(op);
  cluster.position = number;
  if (getPlacement(op) == Placement::Grid)
    cluster.space = KernelSpace::get(op);
}

int KernelClusters::resolve(int cluster) {
  while (parents[cluster] != cluster)
    cluster = parents[cluster] = parents[parents[cluster]];
  return cluster;
}

int KernelClusters::find(Operation *op) { return resolve(index.lookup(op)); }

SmallVector<int> KernelClusters::getPredecessors(int cluster) {
  SmallVector<int> predecessors;
  for (Operation *op : clusters[cluster].ops)
    for (Value operand : op->getOperands())
      if (Operation *producer = getSource(operand).getDefiningOp();
          producer && index.count(producer))
        if (int other = find(producer);
            other != cluster && !llvm::is_contained(predecessors, other))
          predecessors.push_back(other);
  return predecessors;
}

//===-- merging ----------------------------------------------------------------===//

/// The clusters behind `from` that `to` depends on, directly or not, in their order; nothing if one
/// of them depends on `from`, as a kernel of both would then wait for itself.
std::optional<SmallVector<int>> KernelClusters::getBetween(int from, int to) {
  int begin = clusters[from].position;
  SmallVector<int> between;
  bool cycle = false;
  auto visit = [&](int cluster) {
    for (int predecessor : getPredecessors(cluster)) {
      cycle |= predecessor == from && cluster != to;
      if (clusters[predecessor].position > begin && !clusters[predecessor].marked) {
        clusters[predecessor].marked = true;
        between.push_back(predecessor);
      }
    }
  };
  visit(to);
  for (size_t next = 0; next < between.size() && !cycle; ++next)
    visit(between[next]);
  for (int cluster : between)
    clusters[cluster].marked = false;
  if (cycle)
    return std::nullopt;
  llvm::sort(between, [&](int a, int b) { return clusters[a].position < clusters[b].position; });
  return between;
}

/// `first` stands behind `between`, and what stood in between besides stands behind it.
void KernelClusters::reorder(int first, ArrayRef<int> between) {
  if (between.empty())
    return;
  int begin = clusters[first].position, end = clusters[between.back()].position;
  SmallVector<int> sequence(between);
  for (int cluster : between)
    clusters[cluster].marked = true;
  for (int position = begin; position <= end; ++position)
    if (!clusters[order[position]].marked)
      sequence.push_back(order[position]);
  for (auto [offset, cluster] : llvm::enumerate(sequence)) {
    clusters[cluster].marked = false;
    clusters[cluster].position = begin + static_cast<int>(offset);
    order[begin + offset] = cluster;
  }
}

/// Both stand where the earlier one stood.
void KernelClusters::merge(int first, int second, KernelSpace space) {
  Cluster &target = clusters[first], &source = clusters[second];
  llvm::append_range(target.ops, source.ops);
  llvm::sort(target.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  target.space = std::move(space);
  source.ops.clear();
  parents[second] = first;
  if (target.position < source.position)
    return;
  std::swap(target.position, source.position);
  std::swap(order[target.position], order[source.position]);
}

bool KernelClusters::tryMerge(int first, int second) {
  if (first == second || !clusters[first].space || !clusters[second].space ||
      clusters[first].ops.size() + clusters[second].ops.size() > kMaxOps)
    return false;
  std::optional<KernelSpace> space = clusters[first].space->join(*clusters[second].space);
  if (!space)
    return false;
  auto [from, to] = std::minmax(
      first, second, [&](int a, int b) { return clusters[a].position < clusters[b].position; });
  std::optional<SmallVector<int>> between = getBetween(from, to);
  if (!between)
    return false;
  reorder(from, *between);
  merge(first, second, *space);
  return true;
}

void KernelClusters::absorbColumnProducers(Operation *reduce) {
  SmallVector<Operation *> worklist{reduce};
  while (!worklist.empty()) {
    Operation *user = worklist.pop_back_val();
    for (Value operand : user->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (!producer || !index.count(producer) || getPlacement(producer) != Placement::Grid ||
          isa<ReduceOp, CrossEntropyOp>(producer) || find(producer) == find(reduce))
        continue;
      bool ours = llvm::all_of(producer->getUsers(), [&](Operation *other) {
        return index.count(other) && find(other) == find(reduce);
      });
      if (ours && tryMerge(find(reduce), find(producer)))
        worklist.push_back(producer);
    }
  }
}

void KernelClusters::mergeProducers(Operation *op) {
  if (clusters[find(op)].space->columns)
    return;
  for (Value operand : op->getOperands()) {
    auto broadcast = operand.getDefiningOp<BroadcastOp>();
    if (broadcast && getBroadcastKind(broadcast) != BroadcastKind::Rows)
      continue;
    Operation *producer = getSource(operand).getDefiningOp();
    bool nested = broadcast && broadcast.getInput().getDefiningOp<BroadcastOp>();
    if (!producer || !index.count(producer) || nested ||
        (broadcast && !clusters[find(op)].space->accepts(broadcast)))
      continue;
    int other = find(producer);
    if (clusters[other].space && !clusters[other].space->columns)
      tryMerge(find(op), other);
  }
}

void KernelClusters::mergeSiblings(Operation *op) {
  const KernelSpace &space = *clusters[find(op)].space;
  if (space.columns || space.shape.empty())
    return;
  SmallVector<int64_t> shape = space.shape;
  auto position = [&](Operation *other) { return int64_t(index.lookup(other)); };
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (operand.getDefiningOp<BroadcastOp>() || !type || !type.getRank())
      continue;
    for (Operation *other : operand.getUsers()) {
      if (other == op || !index.count(other) ||
          std::abs(position(op) - position(other)) > kSiblingDistance)
        continue;
      const std::optional<KernelSpace> &otherSpace = clusters[find(other)].space;
      if (otherSpace && !otherSpace->columns && otherSpace->shape == shape)
        tryMerge(find(op), find(other));
    }
  }
}

//===-- order ------------------------------------------------------------------===//

/// A cluster runs where its last op stood, or earlier if something before that needs it.
std::vector<SmallVector<Operation *>> KernelClusters::getSchedule() {
  std::vector<SmallVector<Operation *>> schedule;
  std::vector<char> done(clusters.size());
  std::function<void(int)> visit = [&](int cluster) {
    if (std::exchange(done[cluster], 1))
      return;
    for (int predecessor : getPredecessors(cluster))
      visit(predecessor);
    schedule.push_back(clusters[cluster].ops);
  };
  for (int number = 0, count = clusters.size(); number < count; ++number) {
    // Clusters are numbered in program order of their first op; number is that of one op.
    Operation *op = nullptr;
    int cluster = resolve(number);
    if (!clusters[cluster].ops.empty())
      op = clusters[cluster].ops.back();
    if (op && index.lookup(op) == number)
      visit(cluster);
  }
  return schedule;
}
