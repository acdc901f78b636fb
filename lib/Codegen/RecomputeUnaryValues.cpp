//===- RecomputeUnaryValues.cpp - cheaper again than kept ----------------------===//

#include "KernelClusters.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace tpc;

static bool isInline(Value value) {
  Operation *op = value.getDefiningOp();
  return op && getPlacement(op) == Placement::Inline;
}

static bool isElementwise(Operation *op) {
  return op && getPlacement(op) == Placement::Grid &&
         !isa<ReduceOp, CrossEntropyOp, CrossEntropyGradOp>(op);
}

/// A rounded value takes fewer bytes than what it was rounded from: that need not be kept.
static bool isRounded(Value value, Value source) {
  auto type = dyn_cast<FloatType>(getElementTypeOrSelf(value.getType())),
       from = dyn_cast<FloatType>(getElementTypeOrSelf(source.getType()));
  return type && from && type.getWidth() < from.getWidth();
}

/// The one tensor that `value` is an elementwise function of, apart from constants and scalars;
/// `value` itself if it is a function of several or of none. `chain` gets the ops in between,
/// operands first.
static Value getOnlySource(Value value, SmallVectorImpl<Operation *> &chain) {
  Operation *op = value.getDefiningOp();
  if (!isElementwise(op))
    return value;
  Value source;
  SmallVector<Operation *> below;
  for (Value operand : op->getOperands()) {
    auto broadcast = operand.getDefiningOp<BroadcastOp>();
    if (isInline(operand) && (!broadcast || getBroadcastKind(broadcast) == BroadcastKind::Scalar))
      continue;
    Value next = isInline(operand) ? operand : getOnlySource(operand, below);
    if (source && source != next)
      return value;
    source = next;
  }
  if (!source || isInline(source) || isRounded(value, source))
    return value;
  llvm::append_range(chain, below);
  chain.push_back(op);
  return source;
}

void KernelClusters::recomputeOperand(OpOperand &operand) {
  Operation *user = operand.getOwner(), *producer = operand.get().getDefiningOp();
  if (!isElementwise(producer) || find(producer) == find(user) ||
      !cast<RankedTensorType>(operand.get().getType()).getRank())
    return;
  // A kernel of columns has no place for what there is one of per row.
  if (!clusters[find(user)].space->join(KernelSpace::get(producer)))
    return;
  SmallVector<Operation *> chain;
  if (getOnlySource(operand.get(), chain) == operand.get())
    return;
  OpBuilder builder(user);
  IRMapping mapping;
  Cluster &cluster = clusters[find(user)];
  for (Operation *op : chain) {
    if (mapping.contains(op->getResult(0)))
      continue;
    Operation *clone = builder.clone(*op, mapping);
    index[clone] = index.lookup(user);
    cluster.ops.push_back(clone);
  }
  operand.set(mapping.lookup(operand.get()));
}

void KernelClusters::eraseUnused() {
  for (Cluster &cluster : clusters)
    llvm::sort(cluster.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Cluster &cluster : llvm::reverse(clusters)) {
    if (!cluster.space)
      continue;
    for (Operation *op : llvm::to_vector(llvm::reverse(cluster.ops)))
      if (isElementwise(op) && op->use_empty()) {
        llvm::erase(cluster.ops, op);
        index.erase(op);
        op->erase();
      }
  }
}

void KernelClusters::recomputeUnaryValues() {
  for (Cluster &cluster : clusters)
    if (cluster.space)
      for (Operation *op : llvm::to_vector(cluster.ops))
        for (OpOperand &operand : op->getOpOperands())
          recomputeOperand(operand);
  eraseUnused();
}
