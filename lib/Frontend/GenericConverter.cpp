//===- GenericConverter.cpp --------------------------------------------------===//

#include "GenericConverter.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tpc;

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

LogicalResult GenericConverter::check() {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1)
    return op.emitOpError("expects tensors and one output to be partitioned");
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (type && !type.hasStaticShape())
      return op.emitOpError("expects static shapes to be partitioned, got ") << type;
    if (type && !op.getMatchingIndexingMap(&operand).isProjectedPermutation())
      return op.emitOpError("expects an indexing map that selects loops, got ")
             << AffineMapAttr::get(op.getMatchingIndexingMap(&operand));
  }
  if (op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getNumResults() !=
      op.getNumParallelLoops())
    return op.emitOpError("expects an output with one dimension per parallel loop");
  return success();
}

LogicalResult GenericConverter::run() {
  if (failed(check()))
    return failure();
  llvm::append_range(loops, op.getStaticLoopRanges());
  rewriter.setInsertionPoint(op);
  return op.getNumReductionLoops() ? convertReduction() : convertElementwise();
}

std::string GenericConverter::getLetters(unsigned operand) {
  std::string letters;
  for (AffineExpr expr : op.getMatchingIndexingMap(&op->getOpOperand(operand)).getResults())
    letters += static_cast<char>('a' + cast<AffineDimExpr>(expr).getPosition());
  return letters;
}

//===-- operands and result ----------------------------------------------------===//

/// `value` with its dimensions in the order of `order`, a permutation.
static Value transpose(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> order) {
  if (llvm::is_sorted(order))
    return value;
  auto shape =
      llvm::map_to_vector(order, [&](int64_t d) { return getTensor(value).getDimSize(d); });
  return TransposeOp::create(builder, loc, getTensor(value).clone(shape), value, order);
}

Value GenericConverter::spread(unsigned number) {
  Value value = op->getOperand(number);
  std::string letters = getLetters(number);
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, letters.size()));
  llvm::sort(order, [&](int64_t a, int64_t b) { return letters[a] < letters[b]; });
  value = transpose(rewriter, op.getLoc(), value, order);
  auto dims = llvm::map_to_vector(order, [&](int64_t d) { return int64_t(letters[d] - 'a'); });
  auto type = getTensor(value).clone(loops);
  if (dims.size() == loops.size())
    return value;
  return BroadcastOp::create(rewriter, op.getLoc(), type, value, dims);
}

Value GenericConverter::arrange(Value value) {
  std::string letters = getLetters(op.getNumDpsInputs());
  std::string sorted = letters;
  llvm::sort(sorted);
  auto order =
      llvm::map_to_vector(letters, [&](char letter) { return int64_t(sorted.find(letter)); });
  return transpose(rewriter, op.getLoc(), value, order);
}

//===-- the body ---------------------------------------------------------------===//

Value GenericConverter::evaluate(Value scalar, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(scalar))
    return known;
  Attribute constant;
  if (matchPattern(scalar, m_Constant(&constant))) {
    auto type = RankedTensorType::get(loops, scalar.getType());
    return arith::ConstantOp::create(rewriter, op.getLoc(), DenseElementsAttr::get(type, constant));
  }
  auto argument = dyn_cast<BlockArgument>(scalar);
  if (argument && argument.getOwner() == op.getBody()) {
    if (!isa<RankedTensorType>(op->getOperand(argument.getArgNumber()).getType())) {
      op.emitOpError("expects constants for its scalar operands");
      return {};
    }
    mapping.map(scalar, spread(argument.getArgNumber()));
    return mapping.lookup(scalar);
  }
  Operation *definer = scalar.getDefiningOp();
  if (!definer || definer->getBlock() != op.getBody() ||
      !OpTrait::hasElementwiseMappableTraits(definer) || definer->getNumResults() != 1) {
    op.emitOpError("expects a body of elementwise operations on its operands, got ") << scalar;
    return {};
  }
  for (Value operand : definer->getOperands()) {
    Value tensor = evaluate(operand, mapping);
    if (!tensor)
      return {};
    mapping.map(operand, tensor);
  }
  Operation *copy = rewriter.clone(*definer, mapping);
  copy->getResult(0).setType(RankedTensorType::get(loops, scalar.getType()));
  mapping.map(scalar, copy->getResult(0));
  return copy->getResult(0);
}

LogicalResult GenericConverter::convertElementwise() {
  IRMapping mapping;
  Value value = evaluate(op.getBody()->getTerminator()->getOperand(0), mapping);
  if (!value)
    return failure();
  rewriter.replaceOp(op, arrange(value));
  return success();
}

//===-- reductions -------------------------------------------------------------===//

static std::optional<ReductionKind> getKind(Operation *combiner) {
  if (isa_and_nonnull<arith::AddFOp, arith::AddIOp>(combiner))
    return ReductionKind::Sum;
  if (isa_and_nonnull<arith::MaximumFOp, arith::MaxSIOp>(combiner))
    return ReductionKind::Max;
  if (isa_and_nonnull<arith::MinimumFOp, arith::MinSIOp>(combiner))
    return ReductionKind::Min;
  return std::nullopt;
}

static bool isNeutral(Attribute value, ReductionKind kind) {
  if (auto dense = dyn_cast_or_null<SplatElementsAttr>(value))
    value = dense.getSplatValue<Attribute>();
  if (auto integer = dyn_cast_or_null<IntegerAttr>(value))
    return kind == ReductionKind::Sum && integer.getValue().isZero();
  auto real = dyn_cast_or_null<FloatAttr>(value);
  if (!real)
    return false;
  if (kind == ReductionKind::Sum)
    return real.getValue().isZero();
  return real.getValue().isInfinity() &&
         real.getValue().isNegative() == (kind == ReductionKind::Max);
}

Value GenericConverter::contract(Value accumulated) {
  auto product = accumulated.getDefiningOp<arith::MulFOp>();
  auto lhs = product ? dyn_cast<BlockArgument>(product.getLhs()) : BlockArgument();
  auto rhs = product ? dyn_cast<BlockArgument>(product.getRhs()) : BlockArgument();
  unsigned output = op.getNumDpsInputs();
  if (!lhs || !rhs || lhs == rhs || lhs.getArgNumber() >= output || rhs.getArgNumber() >= output)
    return {};
  std::string left = getLetters(lhs.getArgNumber()), right = getLetters(rhs.getArgNumber()),
              result = getLetters(output);
  for (char letter : left + right) // a loop of one operand is no sum of products
    if (!StringRef(result).contains(letter) &&
        !(StringRef(left).contains(letter) && StringRef(right).contains(letter)))
      return {};
  for (char letter : result)
    if (!StringRef(left + right).contains(letter))
      return {};
  return ContractOp::create(rewriter, op.getLoc(), op->getOperand(lhs.getArgNumber()),
                            op->getOperand(rhs.getArgNumber()), left + "," + right + "->" + result);
}

/// Joins `value` with what the output holds at first.
Value GenericConverter::accumulate(ReductionKind kind, Value value) {
  Value init = op.getDpsInits()[0];
  Attribute constant;
  if (matchPattern(init, m_Constant(&constant)) && isNeutral(constant, kind))
    return value;
  Operation *combiner = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  OperationState state(op.getLoc(), combiner->getName(), {init, value}, init.getType(),
                       combiner->getAttrs());
  return rewriter.create(state)->getResult(0);
}

LogicalResult GenericConverter::convertReduction() {
  Operation *combiner = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  std::optional<ReductionKind> kind = getKind(combiner);
  BlockArgument output = op.getBody()->getArguments().back();
  if (!kind || (combiner->getOperand(0) != output && combiner->getOperand(1) != output) ||
      !output.hasOneUse())
    return op.emitOpError(
        "expects a body that ends in the sum, maximum or minimum with its output");
  Value accumulated = combiner->getOperand(combiner->getOperand(0) == output ? 1 : 0);
  Value value = *kind == ReductionKind::Sum ? contract(accumulated) : Value();
  if (!value) {
    IRMapping mapping;
    value = evaluate(accumulated, mapping);
    if (!value)
      return failure();
    SmallVector<unsigned> positions;
    op.getReductionDims(positions);
    SmallVector<int64_t> dims(positions.begin(), positions.end()), shape;
    for (auto [loop, size] : llvm::enumerate(loops))
      if (!llvm::is_contained(dims, static_cast<int64_t>(loop)))
        shape.push_back(size);
    value = ReduceOp::create(rewriter, op.getLoc(), getTensor(value).clone(shape),
                             ReductionKindAttr::get(op.getContext(), *kind), value,
                             rewriter.getDenseI64ArrayAttr(dims));
    value = arrange(value);
  }
  rewriter.replaceOp(op, accumulate(*kind, value));
  return success();
}
