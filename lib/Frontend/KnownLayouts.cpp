//===- KnownLayouts.cpp --------------------------------------------------------===//

#include "KnownLayouts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

/// The layout of a constraint's result, or of an argument.
static LayoutAttr getOwnLayout(Value origin) {
  auto constrain = origin.getDefiningOp<ConstrainOp>();
  return constrain ? constrain.getLayout() : getLayout(origin);
}

LayoutAttr KnownLayouts::get(Value value) {
  Value origin = getOrigin(value);
  return origin ? getOwnLayout(origin) : LayoutAttr();
}

Value KnownLayouts::getOrigin(Value value) {
  if (auto found = origins.find(value); found != origins.end())
    return found->second;
  Value origin = find(value);
  origins[value] = origin;
  return origin;
}

Value KnownLayouts::find(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return getLayout(value) ? value : Value();
  if (isa<ConstrainOp>(op))
    return value;
  if (isa<BoundaryOp, RopeOp, RmsNormOp>(op))
    return getOrigin(op->getOperand(0));
  if (auto attention = dyn_cast<AttentionOp>(op))
    return value == attention.getOut() ? getOrigin(attention.getQ()) : Value();
  if (!op->hasTrait<OpTrait::Elementwise>())
    return {};
  Value common;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<arith::ConstantOp>())
      continue;
    Value origin = getOrigin(operand);
    if (!origin || (common && getOwnLayout(common) != getOwnLayout(origin)))
      return {};
    common = origin;
  }
  return common;
}
