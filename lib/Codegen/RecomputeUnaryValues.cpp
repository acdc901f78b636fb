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

/// Constants and scalars: an elementwise op is no function of them.
static bool isNoSource(Value operand) {
  auto broadcast = operand.getDefiningOp<BroadcastOp>();
  return isInline(operand) && (!broadcast || getBroadcastKind(broadcast) == BroadcastKind::Scalar);
}

/// The one source of all operands of `op`; none if they have several.
Value KernelClusters::findOnlySource(Operation *op) {
  Value source;
  for (Value operand : op->getOperands()) {
    if (isNoSource(operand))
      continue;
    Value next = isInline(operand) ? operand : getOnlySource(operand);
    if (source && source != next)
      return {};
    source = next;
  }
  return source;
}

Value KernelClusters::getOnlySource(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isElementwise(op))
    return value;
  if (Value known = onlySources.lookup(value))
    return known;
  Value source = findOnlySource(op);
  if (!source || isInline(source) || isRounded(value, source))
    source = value;
  return onlySources[value] = source;
}

/// The ops between `source`, the only one of `value`, and `value`: operands first.
static void collectChain(Value value, Value source, SmallVectorImpl<Operation *> &chain) {
  if (value == source)
    return;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    if (!isNoSource(operand))
      collectChain(operand, source, chain);
  chain.push_back(op);
}

void KernelClusters::recomputeOperand(OpOperand &operand) {
  Operation *user = operand.getOwner(), *producer = operand.get().getDefiningOp();
  if (!isElementwise(producer) || find(producer) == find(user) ||
      !cast<RankedTensorType>(operand.get().getType()).getRank())
    return;
  // A kernel of columns has no place for what there is one of per row.
  if (!clusters[find(user)].space->join(KernelSpace::get(producer)))
    return;
  Value source = getOnlySource(operand.get());
  if (source == operand.get())
    return;
  SmallVector<Operation *> chain;
  collectChain(operand.get(), source, chain);
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
