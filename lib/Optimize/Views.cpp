//===- Views.cpp -----------------------------------------------------------===//

#include "Views.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

bool tpc::isView(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, arith::TruncFOp, arith::ExtFOp,
             BarrierOp>(op);
}

Value tpc::getViewed(Value value) {
  for (Operation *op = value.getDefiningOp(); op && isView(op); op = value.getDefiningOp())
    value = op->getOperand(0);
  return value;
}
