//===- Elementwise.cpp - arith and math on tensors and scalars -----------------===//

#include "Evaluators.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

template <typename OpType>
static void addUnary(EvaluatorTable &table, double (*function)(double)) {
  table.add<OpType>([function](Operation *op, Operands operands, Results &results) {
    Tensor result = *operands[0];
    for (double &value : result.data)
      value = function(value);
    results.push_back(std::move(result));
    return success();
  });
}

template <typename OpType>
static void addBinary(EvaluatorTable &table, double (*function)(double, double)) {
  table.add<OpType>([function](Operation *op, Operands operands, Results &results) {
    Tensor result = *operands[0];
    for (auto [value, other] : llvm::zip_equal(result.data, operands[1]->data))
      value = function(value, other);
    results.push_back(std::move(result));
    return success();
  });
}

static LogicalResult multiplyAdd(Operation *op, Operands operands, Results &results) {
  Tensor result = *operands[2];
  for (auto [value, lhs, rhs] : llvm::zip_equal(result.data, operands[0]->data, operands[1]->data))
    value = std::fma(lhs, rhs, value);
  results.push_back(std::move(result));
  return success();
}

/// Integers know no negative zero.
static double dropSign(double integer) { return integer + 0.0; }

/// Integers: division by zero has no result.
template <typename OpType>
static void addDivision(EvaluatorTable &table, double (*function)(double, double)) {
  table.add<OpType>(
      [function](Operation *op, Operands operands, Results &results) -> LogicalResult {
        if (llvm::is_contained(operands[1]->data, 0.0))
          return op->emitOpError("divides by zero");
        Tensor result = *operands[0];
        for (auto [value, other] : llvm::zip_equal(result.data, operands[1]->data))
          value = dropSign(function(value, other));
        results.push_back(std::move(result));
        return success();
      });
}

static LogicalResult selectElements(Operation *op, Operands operands, Results &results) {
  Tensor result = *operands[1];
  bool scalar = operands[0]->rank() == 0;
  for (int64_t i = 0; i < result.size(); ++i)
    if (operands[0]->data[scalar ? 0 : i] == 0.0)
      result.data[i] = operands[2]->data[i];
  results.push_back(std::move(result));
  return success();
}

//===-- comparisons ------------------------------------------------------------===//

static FailureOr<bool> compare(arith::CmpIPredicate predicate, double a, double b) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  default:
    return failure(); // unsigned order of signed storage
  }
}

static FailureOr<bool> compare(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::UNE:
    return a != b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  default:
    return failure();
  }
}

template <typename OpType>
static LogicalResult compareAll(Operation *op, Operands operands, Results &results) {
  Tensor result = *operands[0];
  for (auto [value, other] : llvm::zip_equal(result.data, operands[1]->data)) {
    FailureOr<bool> holds = compare(cast<OpType>(op).getPredicate(), value, other);
    if (failed(holds))
      return op->emitOpError("has a predicate that the interpreter does not know");
    value = *holds;
  }
  results.push_back(std::move(result));
  return success();
}

//===-- constants --------------------------------------------------------------===//

static LogicalResult constant(Operation *op, Operands, Results &results) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  if (auto integer = dyn_cast<IntegerAttr>(value))
    result.data[0] = integer.getValue().getBitWidth() == 1 ? integer.getValue().getZExtValue()
                                                           : integer.getInt();
  else if (auto real = dyn_cast<FloatAttr>(value))
    result.data[0] = real.getValueAsDouble();
  else if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    bool isFloat = isa<FloatType>(dense.getElementType()),
         isBool = dense.getElementType().isInteger(1);
    for (int64_t i = 0; i < result.size(); ++i)
      result.data[i] = isFloat  ? dense.getValues<APFloat>()[i].convertToDouble()
                       : isBool ? dense.getValues<APInt>()[i].roundToDouble(/*isSigned=*/false)
                                : dense.getValues<APInt>()[i].roundToDouble(/*isSigned=*/true);
  } else
    return op->emitOpError("has a value that the interpreter does not know");
  results.push_back(std::move(result));
  return success();
}

static double same(double a) { return a; }

/// What no integer stands for is poison: any number will do.
static double toInteger(double a) { return std::isfinite(a) ? dropSign(std::trunc(a)) : 0.0; }

static void addFunctions(EvaluatorTable &table) {
  addUnary<math::ExpOp>(table, std::exp);
  addUnary<math::Exp2Op>(table, std::exp2);
  addUnary<math::ExpM1Op>(table, std::expm1);
  addUnary<math::LogOp>(table, std::log);
  addUnary<math::Log2Op>(table, std::log2);
  addUnary<math::Log10Op>(table, std::log10);
  addUnary<math::Log1pOp>(table, std::log1p);
  addUnary<math::SqrtOp>(table, std::sqrt);
  addUnary<math::RsqrtOp>(table, [](double a) { return 1.0 / std::sqrt(a); });
  addUnary<math::CbrtOp>(table, std::cbrt);
  addBinary<math::PowFOp>(table, std::pow);
  addUnary<math::ErfOp>(table, std::erf);
  addUnary<math::ErfcOp>(table, std::erfc);
  addUnary<math::SinOp>(table, std::sin);
  addUnary<math::CosOp>(table, std::cos);
  addUnary<math::TanOp>(table, std::tan);
  addUnary<math::AsinOp>(table, std::asin);
  addUnary<math::AcosOp>(table, std::acos);
  addUnary<math::AtanOp>(table, std::atan);
  addBinary<math::Atan2Op>(table, std::atan2);
  addUnary<math::SinhOp>(table, std::sinh);
  addUnary<math::CoshOp>(table, std::cosh);
  addUnary<math::TanhOp>(table, std::tanh);
  addUnary<math::AsinhOp>(table, std::asinh);
  addUnary<math::AcoshOp>(table, std::acosh);
  addUnary<math::AtanhOp>(table, std::atanh);
  addUnary<math::FloorOp>(table, std::floor);
  addUnary<math::CeilOp>(table, std::ceil);
  addUnary<math::RoundOp>(table, std::round);
  addUnary<math::RoundEvenOp>(table, std::nearbyint);
  addUnary<math::TruncOp>(table, std::trunc);
  addUnary<math::AbsFOp>(table, std::fabs);
  addUnary<math::AbsIOp>(table, std::fabs);
  addBinary<math::CopySignOp>(table, std::copysign);
  table.add<math::FmaOp>(multiplyAdd);
}

void tpc::addElementwiseEvaluators(EvaluatorTable &table) {
  table.add<arith::ConstantOp>(constant);
  table.add<arith::SelectOp>(selectElements);
  table.add<arith::CmpIOp>(compareAll<arith::CmpIOp>);
  table.add<arith::CmpFOp>(compareAll<arith::CmpFOp>);

  addBinary<arith::AddFOp>(table, [](double a, double b) { return a + b; });
  addBinary<arith::SubFOp>(table, [](double a, double b) { return a - b; });
  addBinary<arith::MulFOp>(table, [](double a, double b) { return a * b; });
  addBinary<arith::DivFOp>(table, [](double a, double b) { return a / b; });
  addBinary<arith::MaximumFOp>(table, [](double a, double b) {
    return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
  });
  addBinary<arith::MinimumFOp>(table, [](double a, double b) {
    return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
  });
  addBinary<arith::MaxNumFOp>(table, std::fmax);
  addBinary<arith::MinNumFOp>(table, std::fmin);
  addBinary<arith::RemFOp>(table, std::fmod);
  addBinary<arith::AddIOp>(table, [](double a, double b) { return a + b; });
  addBinary<arith::SubIOp>(table, [](double a, double b) { return a - b; });
  addBinary<arith::MulIOp>(table, [](double a, double b) { return dropSign(a * b); });
  addDivision<arith::DivSIOp>(table, [](double a, double b) { return std::trunc(a / b); });
  addDivision<arith::FloorDivSIOp>(table, [](double a, double b) { return std::floor(a / b); });
  addDivision<arith::CeilDivSIOp>(table, [](double a, double b) { return std::ceil(a / b); });
  addDivision<arith::RemSIOp>(table, [](double a, double b) { return std::fmod(a, b); });
  addBinary<arith::MaxSIOp>(table, [](double a, double b) { return std::max(a, b); });
  addBinary<arith::MinSIOp>(table, [](double a, double b) { return std::min(a, b); });
  addBinary<arith::XOrIOp>(table,
                           [](double a, double b) { return double(int64_t(a) ^ int64_t(b)); });
  addBinary<arith::AndIOp>(table,
                           [](double a, double b) { return double(int64_t(a) & int64_t(b)); });
  addBinary<arith::OrIOp>(table,
                          [](double a, double b) { return double(int64_t(a) | int64_t(b)); });
  addUnary<arith::NegFOp>(table, [](double a) { return -a; });
  addUnary<arith::SIToFPOp>(table, same);
  addUnary<arith::UIToFPOp>(table, same);
  addUnary<arith::FPToSIOp>(table, toInteger);
  addUnary<arith::ExtFOp>(table, same);
  addUnary<arith::TruncFOp>(table, same);
  addUnary<arith::ExtUIOp>(table, same);
  addUnary<arith::ExtSIOp>(table, same);
  addUnary<arith::TruncIOp>(table, same);
  addUnary<arith::IndexCastOp>(table, same);

  addFunctions(table);
}
