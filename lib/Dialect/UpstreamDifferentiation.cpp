//===- UpstreamDifferentiation.cpp - cotangents of arith, math and tensor ops --===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

namespace {

/// Builds elementwise expressions at one location.
struct Expression {
  OpBuilder &builder;
  Location loc;

  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(builder, loc, a, b); }
  Value neg(Value a) { return arith::NegFOp::create(builder, loc, a); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(builder, loc, c, a, b); }
  Value splat(double value, Type type) {
    auto tensor = cast<ShapedType>(type);
    Attribute element = builder.getFloatAttr(tensor.getElementType(), value);
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(tensor, element));
  }
};

// One `differentiate` per op: operand cotangents from the result's cotangent `d`.
using Values = SmallVector<Value>;
Values differentiate(arith::AddFOp, Value d, Expression) { return {d, d}; }
Values differentiate(arith::SubFOp, Value d, Expression e) { return {d, e.neg(d)}; }
Values differentiate(arith::NegFOp, Value d, Expression e) { return {e.neg(d)}; }
Values differentiate(arith::MulFOp op, Value d, Expression e) { return {e.mul(d, op.getRhs()), e.mul(d, op.getLhs())}; }
Values differentiate(arith::DivFOp op, Value d, Expression e) {
  Value scaled = e.div(d, op.getRhs());
  return {scaled, e.neg(e.mul(scaled, op.getResult()))};
}
Values differentiate(arith::SelectOp op, Value d, Expression e) {
  Value zero = e.splat(0.0, d.getType());
  return {Value(), e.select(op.getCondition(), d, zero), e.select(op.getCondition(), zero, d)};
}
Values differentiate(arith::MaximumFOp op, Value d, Expression e) {
  // At a tie all of the cotangent goes to the left operand.
  Value left = arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OGE, op.getLhs(), op.getRhs());
  Value zero = e.splat(0.0, d.getType());
  return {e.select(left, d, zero), e.select(left, zero, d)};
}
Values differentiate(arith::ExtFOp op, Value d, Expression e) {
  return {arith::TruncFOp::create(e.builder, e.loc, op.getIn().getType(), d)};
}
Values differentiate(arith::TruncFOp op, Value d, Expression e) {
  if (d.getType() == op.getIn().getType()) // a parameter's cotangent was never narrow
    return {d};
  return {arith::ExtFOp::create(e.builder, e.loc, op.getIn().getType(), d)};
}
Values differentiate(math::ExpOp op, Value d, Expression e) { return {e.mul(d, op.getResult())}; }
Values differentiate(math::LogOp op, Value d, Expression e) { return {e.div(d, op.getOperand())}; }
Values differentiate(math::SqrtOp op, Value d, Expression e) {
  return {e.div(e.mul(d, e.splat(0.5, d.getType())), op.getResult())};
}
Values differentiate(math::RsqrtOp op, Value d, Expression e) {
  Value cube = e.mul(e.mul(op.getResult(), op.getResult()), op.getResult());
  return {e.mul(d, e.mul(cube, e.splat(-0.5, d.getType())))};
}
Values differentiate(math::TanhOp op, Value d, Expression e) {
  Value square = e.mul(op.getResult(), op.getResult());
  return {e.mul(d, e.add(e.splat(1.0, d.getType()), e.neg(square)))};
}
Values differentiate(tensor::ExpandShapeOp op, Value d, Expression e) {
  return {tensor::CollapseShapeOp::create(e.builder, e.loc, op.getSrc().getType(), d, op.getReassociationIndices())};
}
Values differentiate(tensor::CollapseShapeOp op, Value d, Expression e) {
  return {tensor::ExpandShapeOp::create(e.builder, e.loc, op.getSrc().getType(), d, op.getReassociationIndices())};
}

template <typename OpType>
struct Model : DifferentiableOpInterface::ExternalModel<Model<OpType>, OpType> {
  LogicalResult buildCotangents(Operation *op, OpBuilder &builder, ValueRange cotangents,
                                SmallVectorImpl<Value> &operands) const {
    operands = differentiate(cast<OpType>(op), cotangents[0], Expression{builder, op->getLoc()});
    return success();
  }
};

template <typename... OpTypes>
void attach(MLIRContext *context) {
  (OpTypes::template attachInterface<Model<OpTypes>>(*context), ...);
}

} // namespace

void tpc::registerUpstreamDifferentiation(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    attach<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::MulFOp, arith::DivFOp, arith::SelectOp,
           arith::MaximumFOp, arith::ExtFOp, arith::TruncFOp>(context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    attach<math::ExpOp, math::LogOp, math::SqrtOp, math::RsqrtOp, math::TanhOp>(context);
  });
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    attach<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(context);
  });
}
