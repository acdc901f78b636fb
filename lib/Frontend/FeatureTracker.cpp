//===- FeatureTracker.cpp ------------------------------------------------------===//

#include "FeatureTracker.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace tpc;

void FeatureTracker::follow(Value value, unsigned dim) {
  if (!seen.insert({value, dim}).second)
    return;
  for (OpOperand &use : value.getUses())
    followUse(use, dim);
}

void FeatureTracker::followUse(OpOperand &use, unsigned dim) {
  Operation *op = use.getOwner();
  if (isa<func::ReturnOp>(op))
    return;
  if (auto boundary = dyn_cast<BoundaryOp>(op))
    modules.insert(boundary.getModule());
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface) {
    clear = false;
    return;
  }
  ShardingRule rule = interface.getShardingRule();
  ArrayRef<unsigned> factors = rule.operands[use.getOperandNumber()][dim];
  if (factors.empty())
    clear = false; // a dimension of size one that the op has no use for
  else
    followFactor(op, rule, factors.front());
}

static bool hasFactor(const TensorMapping &mapping, unsigned factor) {
  return llvm::any_of(mapping,
                      [&](ArrayRef<unsigned> dim) { return llvm::is_contained(dim, factor); });
}

static bool sumsWithParameter(Operation *op, const ShardingRule &rule, unsigned factor) {
  return llvm::any_of(llvm::enumerate(op->getOperands()), [&](auto operand) {
    return operand.value().template getDefiningOp<UseOp>() &&
           hasFactor(rule.operands[operand.index()], factor);
  });
}

/// Splitting a dimension splits the major-most of its factors.
void FeatureTracker::followFactor(Operation *op, const ShardingRule &rule, unsigned factor) {
  switch (rule.factors[factor].kind) {
  case FactorKind::Internal:
    return;
  case FactorKind::NeedReplication:
    clear = false;
    return;
  case FactorKind::Reduction:
    if (sumsWithParameter(op, rule, factor))
      sums.insert(op);
    else
      clear = false;
    return;
  case FactorKind::PassThrough:
    break;
  }
  bool passes = false;
  for (auto [result, mapping] : llvm::zip_equal(op->getResults(), rule.results))
    for (auto [dim, factors] : llvm::enumerate(mapping)) {
      if (factors.empty() || factors.front() != factor)
        continue;
      passes = true;
      follow(result, dim);
    }
  clear &= passes; // else it becomes a minor part of a dimension, or a sum of activations
}
