//===- FuseAccumulation.cpp ----------------------------------------------------===//

#include "FuseAccumulation.h"
#include "KernelSpace.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

/// Whether `value` has memory of its own even if no product accumulates on it: otherwise a kernel
/// computes it on the way to the sum.
static bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || getPlacement(op) == Placement::Entry)
    return true;
  return getPlacement(op) != Placement::Inline && !value.hasOneUse();
}

/// Where what is added to the result of `op` goes; none for ops that cannot add.
static std::optional<MutableOperandRange> getAccumulate(Operation *op) {
  if (auto contract = dyn_cast_or_null<ContractOp>(op))
    return contract.getAccumulateMutable();
  if (auto gradient = dyn_cast_or_null<EmbeddingGradOp>(op))
    return gradient.getAccumulateMutable();
  return std::nullopt;
}

/// Lets the op of `sum` take in the other operand of `add`; false if it cannot.
static bool accumulate(arith::AddFOp add, Value sum, Value addend) {
  Operation *op = sum.getDefiningOp(), *origin = addend.getDefiningOp();
  std::optional<MutableOperandRange> place = getAccumulate(op);
  if (!place || !place->empty() || !sum.hasOneUse() || sum.getType() != add.getType() ||
      !isInMemory(addend) || (origin && !origin->isBeforeInBlock(op)))
    return false;
  place->assign(addend);
  add.replaceAllUsesWith(sum);
  add.erase();
  return true;
}

void tpc::fuseAccumulation(func::FuncOp function) {
  for (auto add : llvm::make_early_inc_range(function.getBody().front().getOps<arith::AddFOp>())) {
    Value lhs = add.getLhs(), rhs = add.getRhs();
    if (!accumulate(add, lhs, rhs))
      accumulate(add, rhs, lhs);
  }
}
