//===- KnownLayouts.cpp --------------------------------------------------------===//

#include "KnownLayouts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

LayoutAttr KnownLayouts::get(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  LayoutAttr layout = compute(value);
  known[value] = layout;
  return layout;
}

LayoutAttr KnownLayouts::compute(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return getLayout(value);
  if (auto constrain = dyn_cast<ConstrainOp>(op))
    return constrain.getLayout();
  if (isa<BoundaryOp, RopeOp, RmsNormOp>(op))
    return get(op->getOperand(0));
  if (auto attention = dyn_cast<AttentionOp>(op))
    return value == attention.getOut() ? get(attention.getQ()) : LayoutAttr();
  if (!op->hasTrait<OpTrait::Elementwise>())
    return {};
  LayoutAttr common;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<arith::ConstantOp>())
      continue;
    LayoutAttr layout = get(operand);
    if (!layout || (common && common != layout))
      return {};
    common = layout;
  }
  return common;
}
