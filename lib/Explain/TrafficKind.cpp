//===- TrafficKind.cpp ---------------------------------------------------------===//

#include "TrafficKind.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/CollectiveTraffic.h"

using namespace mlir;
using namespace tpc;

StringRef tpc::stringify(TrafficKind kind) {
  static constexpr StringLiteral names[] = {"activation", "parameter", "gradient", "scalar"};
  return names[static_cast<unsigned>(kind)];
}

/// Does `op` hand values on, in other shapes or on other ranks?
static bool moves(Operation *op) {
  return isa<ShardSliceOp, BarrierOp, CopyOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) ||
         getTraffic(op);
}

/// The value that `result` is made of.
static Value getMoved(OpResult result) {
  Operation *op = result.getOwner();
  return op->getOperand(op->getNumOperands() == op->getNumResults() ? result.getResultNumber() : 0);
}

static bool isParameter(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<AdamWOp>(op))
      return true;
    if (!moves(op) && !isa<arith::TruncFOp>(op)) // a parameter is rounded for computation
      return false;
    value = getMoved(cast<OpResult>(value));
  }
  return getStoredParameter(value) != nullptr;
}

/// Is `value` read by the update, or returned as a gradient, at most after being moved and added to
/// others?
static bool isGradient(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    Operation *op = use.getOwner();
    if (auto function = dyn_cast<FunctionOpInterface>(op->getParentOp());
        function && op->hasTrait<OpTrait::IsTerminator>())
      return function.getResultAttr(use.getOperandNumber(), TPCDialect::kGradient) != nullptr;
    if (!moves(op) && !isa<arith::AddFOp>(op))
      return getMarkedPhase(op) == ProgramPhase::Update;
    bool one = op->getNumResults() == 1;
    return isGradient(op->getResult(one ? 0 : use.getOperandNumber()));
  });
}

TrafficKind tpc::getTrafficKind(Operation *collective, unsigned operand) {
  Value value = collective->getOperand(operand);
  if (cast<RankedTensorType>(value.getType()).getNumElements() == 1 &&
      cast<RankedTensorType>(collective->getResult(operand).getType()).getNumElements() == 1)
    return TrafficKind::Scalar;
  if (isParameter(value))
    return TrafficKind::Parameter;
  return isGradient(collective->getResult(operand)) ? TrafficKind::Gradient
                                                    : TrafficKind::Activation;
}
