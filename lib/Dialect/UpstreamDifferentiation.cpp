//===- UpstreamDifferentiation.cpp - cotangents of arith, math and tensor ops --===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/MathExtras.h"

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
  Value exp(Value a) { return math::ExpOp::create(builder, loc, a); }
  Value log(Value a) { return math::LogOp::create(builder, loc, a); }
  Value rsqrt(Value a) { return math::RsqrtOp::create(builder, loc, a); }
  Value pow(Value a, Value b) { return math::PowFOp::create(builder, loc, a, b); }
  Value square(Value a) { return mul(a, a); }
  Value scale(Value a, double factor) { return mul(a, splat(factor, a.getType())); }
  Value shift(Value a, double summand) { return add(a, splat(summand, a.getType())); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  /// `a` where `x` is not zero, and zero where it is.
  Value maskZeros(Value x, Value a) {
    Value zero = splat(0.0, a.getType());
    return select(compare(arith::CmpFPredicate::OEQ, x, zero), zero, a);
  }
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
Values differentiate(arith::MulFOp op, Value d, Expression e) {
  return {e.mul(d, op.getRhs()), e.mul(d, op.getLhs())};
}
Values differentiate(arith::DivFOp op, Value d, Expression e) {
  Value scaled = e.div(d, op.getRhs());
  return {scaled, e.neg(e.mul(scaled, op.getResult()))};
}
Values differentiate(arith::SelectOp op, Value d, Expression e) {
  Value zero = e.splat(0.0, d.getType());
  return {Value(), e.select(op.getCondition(), d, zero), e.select(op.getCondition(), zero, d)};
}
// At a tie all of the cotangent of an extremum goes to the left operand.
Values differentiateExtremum(Operation *op, arith::CmpFPredicate isLeft, Value d, Expression e) {
  Value left = e.compare(isLeft, op->getOperand(0), op->getOperand(1));
  Value zero = e.splat(0.0, d.getType());
  return {e.select(left, d, zero), e.select(left, zero, d)};
}
Values differentiate(arith::MaximumFOp op, Value d, Expression e) {
  return differentiateExtremum(op, arith::CmpFPredicate::OGE, d, e);
}
Values differentiate(arith::MinimumFOp op, Value d, Expression e) {
  return differentiateExtremum(op, arith::CmpFPredicate::OLE, d, e);
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
Values differentiate(math::Exp2Op op, Value d, Expression e) {
  return {e.mul(d, e.scale(op.getResult(), llvm::numbers::ln2))};
}
Values differentiate(math::ExpM1Op op, Value d, Expression e) {
  return {e.mul(d, e.exp(op.getOperand()))};
}
Values differentiate(math::LogOp op, Value d, Expression e) { return {e.div(d, op.getOperand())}; }
Values differentiate(math::Log2Op op, Value d, Expression e) {
  return {e.div(e.scale(d, llvm::numbers::log2e), op.getOperand())};
}
Values differentiate(math::Log10Op op, Value d, Expression e) {
  return {e.div(e.scale(d, 1 / llvm::numbers::ln10), op.getOperand())};
}
Values differentiate(math::Log1pOp op, Value d, Expression e) {
  return {e.div(d, e.shift(op.getOperand(), 1.0))};
}
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
Values differentiate(math::CbrtOp op, Value d, Expression e) {
  return {e.div(e.scale(d, 1.0 / 3), e.square(op.getResult()))};
}
Values differentiate(math::PowFOp op, Value d, Expression e) {
  // Zero at an exponent of zero, and where the power vanishes, whose logarithm does not exist.
  Value slope = e.mul(op.getRhs(), e.pow(op.getLhs(), e.shift(op.getRhs(), -1.0)));
  Value growth = e.mul(op.getResult(), e.log(op.getLhs()));
  return {e.mul(d, e.maskZeros(op.getRhs(), slope)), e.mul(d, e.maskZeros(op.getResult(), growth))};
}
/// d exp(-x^2) 2 / sqrt(pi)
Value getBell(Value x, Value d, Expression e) {
  return e.mul(d, e.scale(e.exp(e.neg(e.square(x))), 2 * llvm::numbers::inv_sqrtpi));
}
Values differentiate(math::ErfOp op, Value d, Expression e) {
  return {getBell(op.getOperand(), d, e)};
}
Values differentiate(math::ErfcOp op, Value d, Expression e) {
  return {e.neg(getBell(op.getOperand(), d, e))};
}
Values differentiate(math::SinOp op, Value d, Expression e) {
  return {e.mul(d, math::CosOp::create(e.builder, e.loc, op.getOperand()))};
}
Values differentiate(math::CosOp op, Value d, Expression e) {
  return {e.neg(e.mul(d, math::SinOp::create(e.builder, e.loc, op.getOperand())))};
}
Values differentiate(math::TanOp op, Value d, Expression e) {
  return {e.mul(d, e.shift(e.square(op.getResult()), 1.0))};
}
/// d / sqrt(1 - x^2)
Value getArc(Value x, Value d, Expression e) {
  return e.mul(d, e.rsqrt(e.shift(e.neg(e.square(x)), 1.0)));
}
Values differentiate(math::AsinOp op, Value d, Expression e) {
  return {getArc(op.getOperand(), d, e)};
}
Values differentiate(math::AcosOp op, Value d, Expression e) {
  return {e.neg(getArc(op.getOperand(), d, e))};
}
Values differentiate(math::AtanOp op, Value d, Expression e) {
  return {e.div(d, e.shift(e.square(op.getOperand()), 1.0))};
}
Values differentiate(math::Atan2Op op, Value d, Expression e) {
  Value scaled = e.div(d, e.add(e.square(op.getLhs()), e.square(op.getRhs())));
  return {e.mul(scaled, op.getRhs()), e.neg(e.mul(scaled, op.getLhs()))};
}
Values differentiate(math::SinhOp op, Value d, Expression e) {
  return {e.mul(d, math::CoshOp::create(e.builder, e.loc, op.getOperand()))};
}
Values differentiate(math::CoshOp op, Value d, Expression e) {
  return {e.mul(d, math::SinhOp::create(e.builder, e.loc, op.getOperand()))};
}
Values differentiate(math::AsinhOp op, Value d, Expression e) {
  return {e.mul(d, e.rsqrt(e.shift(e.square(op.getOperand()), 1.0)))};
}
Values differentiate(math::AcoshOp op, Value d, Expression e) {
  return {e.mul(d, e.rsqrt(e.shift(e.square(op.getOperand()), -1.0)))};
}
Values differentiate(math::AtanhOp op, Value d, Expression e) {
  return {e.div(d, e.shift(e.neg(e.square(op.getOperand())), 1.0))};
}
Values differentiate(math::AbsFOp op, Value d, Expression e) {
  Value sign =
      math::CopySignOp::create(e.builder, e.loc, e.splat(1.0, d.getType()), op.getOperand());
  return {e.mul(d, e.maskZeros(op.getOperand(), sign))};
}
Values differentiate(math::FmaOp op, Value d, Expression e) {
  return {e.mul(d, op.getB()), e.mul(d, op.getA()), d};
}
Values differentiate(tensor::ExpandShapeOp op, Value d, Expression e) {
  return {tensor::CollapseShapeOp::create(e.builder, e.loc, op.getSrc().getType(), d,
                                          op.getReassociationIndices())};
}
Values differentiate(tensor::CollapseShapeOp op, Value d, Expression e) {
  return {tensor::ExpandShapeOp::create(e.builder, e.loc, op.getSrc().getType(), d,
                                        op.getReassociationIndices())};
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
    attach<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::MulFOp, arith::DivFOp,
           arith::SelectOp, arith::MaximumFOp, arith::MinimumFOp, arith::ExtFOp, arith::TruncFOp>(
        context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    attach<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp, math::Log2Op, math::Log10Op,
           math::Log1pOp, math::SqrtOp, math::RsqrtOp, math::CbrtOp, math::PowFOp, math::ErfOp,
           math::ErfcOp, math::SinOp, math::CosOp, math::TanOp, math::AsinOp, math::AcosOp,
           math::AtanOp, math::Atan2Op, math::SinhOp, math::CoshOp, math::TanhOp, math::AsinhOp,
           math::AcoshOp, math::AtanhOp, math::AbsFOp, math::FmaOp>(context);
  });
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    attach<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(context);
  });
}
