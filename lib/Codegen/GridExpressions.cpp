//===- GridExpressions.cpp -----------------------------------------------------===//

#include "GridExpressions.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tpc;

static Type getElement(Value value) { return getElementTypeOrSelf(value.getType()); }

static bool isScalarArgument(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return isa<BlockArgument>(value) && (!tensor || tensor.getRank() == 0);
}

/// Scalars are loaded once, at the top of the function.
GridExpressions::GridExpressions(KernelEmitter &emitter, const KernelPlan &plan)
    : emitter(emitter), plan(plan) {
  for (BlockArgument argument : emitter.getKernel().getArguments())
    if (isScalarArgument(argument))
      everywhere.scalars[argument] = emitter.loadArgument(argument);
}

//===-- clones of tensor ops ---------------------------------------------------===//

Operation *GridExpressions::cloneAs(Operation *op, ValueRange operands, bool vector) {
  Type type = getElement(op->getResult(0));
  if (vector)
    type = VectorType::get({emitter.getLanes()}, type);
  return mlir::clone(emitter.getBuilder(), op, type, operands);
}

Value GridExpressions::getConstant(arith::ConstantOp op, bool vector) {
  OpBuilder &builder = emitter.getBuilder();
  auto value = cast<DenseElementsAttr>(op.getValue()).getSplatValue<TypedAttr>();
  if (!vector)
    return arith::ConstantOp::create(builder, emitter.getLoc(), value);
  auto type = VectorType::get({emitter.getLanes()}, value.getType());
  return arith::ConstantOp::create(builder, emitter.getLoc(),
                                   DenseElementsAttr::get(type, Attribute(value)));
}

//===-- rows -------------------------------------------------------------------===//

Value GridExpressions::evaluateRow(Value value, GridRow &row) {
  if (Value scalar = everywhere.scalars.lookup(value))
    return scalar;
  if (Value scalar = row.scalars.lookup(value))
    return scalar;
  Value result;
  Operation *op = value.getDefiningOp();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    result = emitter.loadScalar(emitter.getArgumentPointer(argument.getArgNumber()),
                                getElement(value), row.number);
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    result = getConstant(constant, /*vector=*/false);
  } else if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    result = evaluateRow(broadcast.getInput(), row);
  } else if (auto entropy = dyn_cast<CrossEntropyOp>(op)) {
    result = pickTarget(entropy, row);
  } else if (auto mask = dyn_cast<WithinOp>(op)) {
    result = isWithin(mask, row.number, row);
  } else {
    auto operands = llvm::map_to_vector(op->getOperands(),
                                        [&](Value operand) { return evaluateRow(operand, row); });
    result = cloneAs(op, operands, /*vector=*/false)->getResult(0);
  }
  row.scalars[value] = result;
  return result;
}

/// Operands that an op reads once per row.
SmallVector<Value> GridExpressions::getRowOperands(Operation *op) {
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return getBroadcastKind(broadcast) == BroadcastKind::Columns
               ? SmallVector<Value>()
               : SmallVector<Value>{broadcast.getInput()};
  if (isa<CrossEntropyOp, CrossEntropyGradOp>(op))
    return llvm::to_vector(op->getOperands().drop_front());
  if (isa<WithinOp>(op))
    return llvm::to_vector(op->getOperands());
  return {};
}

std::optional<unsigned> GridExpressions::getStoredResult(Value value, int phase) {
  Operation *terminator = emitter.getKernel().getBody().front().getTerminator();
  for (auto [number, earlier] : llvm::enumerate(plan.phases))
    for (unsigned result : earlier.results)
      if (static_cast<int>(number) < phase && terminator->getOperand(result) == value)
        return result;
  return std::nullopt;
}

void GridExpressions::prepare(Value value, GridRow &row, int phase) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<arith::ConstantOp>(op) || getStoredResult(value, phase))
    return;
  SmallVector<Value> rowOperands = getRowOperands(op);
  for (Value operand : rowOperands)
    evaluateRow(operand, row);
  for (Value operand : op->getOperands())
    if (!llvm::is_contained(rowOperands, operand) && plan.space.isFull(operand.getType()))
      prepare(operand, row, phase);
}

//===-- vectors ----------------------------------------------------------------===//

/// Row-major position of the point's first lane.
Value GridExpressions::getOffset(GridPoint &point) {
  if (!point.row.number)
    return point.column;
  Value &offset = point.vectors[Value()];
  if (!offset)
    offset =
        emitter.add(emitter.mul(point.row.number, emitter.integer(plan.rowLength)), point.column);
  return offset;
}

Value GridExpressions::evaluate(Value value, GridPoint &point) {
  if (Value known = point.vectors.lookup(value))
    return known;
  Value result;
  if (std::optional<unsigned> stored = getStoredResult(value, point.phase)) {
    Value offset = getOffset(point);
    result = emitter.loadVector(emitter.getResultPointer(*stored), getElement(value), offset,
                                point.mask);
  } else if (auto argument = dyn_cast<BlockArgument>(value)) {
    Value offset = getOffset(point);
    result = emitter.loadVector(emitter.getArgumentPointer(argument.getArgNumber()),
                                getElement(value), offset, point.mask);
  } else {
    result = evaluateOp(value.getDefiningOp(), point);
  }
  point.vectors[value] = result;
  return result;
}

Value GridExpressions::evaluateOp(Operation *op, GridPoint &point) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return getConstant(constant, /*vector=*/true);
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return evaluateBroadcast(broadcast, point);
  if (auto grad = dyn_cast<CrossEntropyGradOp>(op))
    return evaluateCrossEntropyGrad(grad, point);
  if (auto mask = dyn_cast<WithinOp>(op))
    return isWithin(mask,
                    emitter.add(emitter.splat(getOffset(point)),
                                emitter.getLaneNumbers(emitter.getBuilder().getI64Type())),
                    point.row);
  auto operands = llvm::map_to_vector(op->getOperands(),
                                      [&](Value operand) { return evaluate(operand, point); });
  if (OpOperand *divisor = getIntegerDivisor(op); divisor && point.mask) {
    Value &lanes = operands[divisor->getOperandNumber()];
    lanes = guardDivisor(lanes, point.mask);
  }
  return cloneAs(op, operands, /*vector=*/true)->getResult(0);
}

Value GridExpressions::guardDivisor(Value divisor, Value mask) {
  OpBuilder &builder = emitter.getBuilder();
  auto type = cast<VectorType>(divisor.getType());
  Attribute one = builder.getIntegerAttr(type.getElementType(), 1);
  Value ones =
      arith::ConstantOp::create(builder, emitter.getLoc(), DenseElementsAttr::get(type, one));
  return arith::SelectOp::create(builder, emitter.getLoc(), mask, divisor, ones);
}

Value GridExpressions::evaluateBroadcast(BroadcastOp op, GridPoint &point) {
  if (getBroadcastKind(op) != BroadcastKind::Columns)
    return emitter.splat(evaluateRow(op.getInput(), point.row));
  if (auto constant = op.getInput().getDefiningOp<arith::ConstantOp>())
    return getConstant(constant, /*vector=*/true);
  if (auto inner = op.getInput().getDefiningOp<BroadcastOp>())
    return emitter.splat(evaluateRow(inner.getInput(), point.row));
  auto argument = cast<BlockArgument>(op.getInput());
  return emitter.loadVector(emitter.getArgumentPointer(argument.getArgNumber()),
                            getElement(argument), point.column, point.mask);
}

Value GridExpressions::isWithin(WithinOp op, Value position, GridRow &row) {
  auto get = [&](int64_t number) {
    Value scalar = emitter.integer(number);
    return isa<VectorType>(position.getType()) ? emitter.splat(scalar) : scalar;
  };
  ArrayRef<int64_t> shape = op.getType().getShape();
  int64_t dim = op.getDim(), inner = 1;
  for (int64_t size : shape.drop_front(dim + 1))
    inner *= size;
  Value index = inner == 1 ? position : emitter.div(position, get(inner));
  if (dim != 0)
    index = emitter.rem(index, get(shape[dim]));
  Value extent = get(op.getExtent());
  if (op.getFirst()) {
    Value first = evaluateRow(op.getFirst(), row);
    first = isa<VectorType>(position.getType()) ? emitter.splat(first) : first;
    index = emitter.add(index, first);
  }
  return arith::CmpIOp::create(emitter.getBuilder(), emitter.getLoc(), arith::CmpIPredicate::slt,
                               index, extent);
}

Value GridExpressions::getTargetColumn(Value targets, Value first, GridRow &row) {
  OpBuilder &builder = emitter.getBuilder();
  Value target = evaluateRow(targets, row);
  if (target.getType() != builder.getI64Type())
    target = arith::ExtSIOp::create(builder, emitter.getLoc(), builder.getI64Type(), target);
  return first ? emitter.sub(target, evaluateRow(first, row)) : target;
}

Value GridExpressions::pickTarget(CrossEntropyOp op, GridRow &row) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Value column = getTargetColumn(op.getTargets(), op.getFirst(), row);
  Value columns = emitter.integer(plan.rowLength);
  Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, column, columns);
  column = arith::SelectOp::create(builder, loc, inside, column, emitter.integer(0));
  Value offset = emitter.add(emitter.mul(row.number, columns), column);
  BlockArgument logits = getLoadedLogits(op);
  Value logit = emitter.widen(emitter.loadScalar(emitter.getArgumentPointer(logits.getArgNumber()),
                                                 getElement(logits), offset));
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(logit.getType()));
  return arith::SelectOp::create(builder, loc, inside, logit, zero);
}

Value GridExpressions::isTarget(Value targets, Value first, GridPoint &point) {
  OpBuilder &builder = emitter.getBuilder();
  Value target = getTargetColumn(targets, first, point.row);
  // Relative to the point, clamped into 32 bits, so that the comparison costs one instruction per
  // vector.
  Value distance = emitter.sub(target, point.column), limit = emitter.integer(emitter.getLanes());
  distance = arith::MaxSIOp::create(builder, emitter.getLoc(), distance, emitter.integer(-1));
  distance = arith::MinSIOp::create(builder, emitter.getLoc(), distance, limit);
  distance = arith::TruncIOp::create(builder, emitter.getLoc(), builder.getI32Type(), distance);
  return arith::CmpIOp::create(builder, emitter.getLoc(), arith::CmpIPredicate::eq,
                               emitter.getLaneNumbers(builder.getI32Type()),
                               emitter.splat(distance));
}

Value GridExpressions::evaluateCrossEntropyGrad(CrossEntropyGradOp op, GridPoint &point) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  auto row = [&](Value value) { return emitter.splat(evaluateRow(value, point.row)); };
  Value shifted =
      arith::SubFOp::create(builder, loc, evaluate(op.getLogits(), point), row(op.getLogSumExp()));
  Value soft = arith::MulFOp::create(builder, loc, math::ExpOp::create(builder, loc, shifted),
                                     row(op.getDLogSumExp()));
  Value picked = arith::AddFOp::create(builder, loc, soft, row(op.getDTargetLogit()));
  return arith::SelectOp::create(builder, loc, isTarget(op.getTargets(), op.getFirst(), point),
                                 picked, soft);
}

void GridExpressions::storeResults(const KernelPhase &phase, GridPoint &point) {
  Operation *terminator = emitter.getKernel().getBody().front().getTerminator();
  SmallVector<Value> values;
  for (unsigned number : phase.results)
    values.push_back(evaluate(terminator->getOperand(number), point));
  if (phase.results.empty())
    return;
  Value offset = getOffset(point);
  for (auto [number, value] : llvm::zip_equal(phase.results, values))
    emitter.storeVector(value, emitter.getResultPointer(number), offset, point.mask);
}

//===-- reductions -------------------------------------------------------------===//

ReductionKind GridExpressions::getKind(OpResult reduction) {
  auto reduce = dyn_cast<ReduceOp>(reduction.getOwner());
  return reduce ? reduce.getKind().getValue() : ReductionKind::Sum;
}

void GridExpressions::prepareSummand(OpResult value, GridRow &row, int phase) {
  for (Value operand : getRowOperands(value.getOwner()))
    evaluateRow(operand, row);
  prepare(value.getOwner()->getOperand(0), row, phase);
}

Value GridExpressions::evaluateSummand(OpResult value, GridPoint &point) {
  OpBuilder &builder = emitter.getBuilder();
  Value summand = evaluate(value.getOwner()->getOperand(0), point);
  Value use = point.mask;
  if (auto entropy = dyn_cast<CrossEntropyOp>(value.getOwner())) {
    Value target = isTarget(entropy.getTargets(), entropy.getFirst(), point);
    use = use ? arith::AndIOp::create(builder, emitter.getLoc(), use, target) : target;
  }
  if (!use)
    return summand;
  return arith::SelectOp::create(builder, emitter.getLoc(), use, summand,
                                 getIdentity(getKind(value), summand.getType()));
}

/// The smallest or largest value of an element type.
static TypedAttr getExtreme(Type element, bool largest) {
  if (auto type = dyn_cast<FloatType>(element))
    return FloatAttr::get(type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/!largest));
  unsigned width = element.getIntOrFloatBitWidth();
  return IntegerAttr::get(element, largest ? APInt::getSignedMaxValue(width)
                                           : APInt::getSignedMinValue(width));
}

Value GridExpressions::getIdentity(ReductionKind kind, Type type) {
  OpBuilder &builder = emitter.getBuilder();
  Type element = getElementTypeOrSelf(type);
  TypedAttr value = kind == ReductionKind::Sum
                        ? builder.getZeroAttr(element)
                        : getExtreme(element, /*largest=*/kind == ReductionKind::Min);
  if (auto vector = dyn_cast<VectorType>(type))
    value = DenseElementsAttr::get(vector, Attribute(value));
  return arith::ConstantOp::create(builder, emitter.getLoc(), value);
}

Value GridExpressions::combine(ReductionKind kind, Value a, Value b) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  bool isFloat = isa<FloatType>(getElement(a));
  switch (kind) {
  case ReductionKind::Sum:
    return isFloat ? Value(arith::AddFOp::create(builder, loc, a, b))
                   : arith::AddIOp::create(builder, loc, a, b);
  case ReductionKind::Max:
    return isFloat ? Value(arith::MaximumFOp::create(builder, loc, a, b))
                   : arith::MaxSIOp::create(builder, loc, a, b);
  case ReductionKind::Min:
    return isFloat ? Value(arith::MinimumFOp::create(builder, loc, a, b))
                   : arith::MinSIOp::create(builder, loc, a, b);
  }
  llvm_unreachable("unknown reduction");
}

static vector::CombiningKind getCombiningKind(ReductionKind kind, bool isFloat) {
  if (kind == ReductionKind::Sum)
    return vector::CombiningKind::ADD;
  if (kind == ReductionKind::Max)
    return isFloat ? vector::CombiningKind::MAXIMUMF : vector::CombiningKind::MAXSI;
  return isFloat ? vector::CombiningKind::MINIMUMF : vector::CombiningKind::MINSI;
}

Value GridExpressions::combineLanes(ReductionKind kind, Value vector) {
  bool isFloat = isa<FloatType>(getElement(vector));
  auto flags = isFloat && kind == ReductionKind::Sum ? arith::FastMathFlags::reassoc
                                                     : arith::FastMathFlags::none;
  return vector::ReductionOp::create(emitter.getBuilder(), emitter.getLoc(),
                                     getCombiningKind(kind, isFloat), vector, flags);
}
