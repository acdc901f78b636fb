//===- PaddingMasks.cpp ---------------------------------------------------===//

#include "PaddingMasks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Sharding/FactorProjection.h"

using namespace mlir;
using namespace tpc;

static Type getElement(Value value) { return getElementTypeOrSelf(value.getType()); }

static TypedAttr getZero(Type element) {
  return Builder(element.getContext()).getZeroAttr(element);
}

/// The dimension that `mapping` gives to `factor`, if it is alone there.
static std::optional<unsigned> findDim(const TensorMapping &mapping, unsigned factor) {
  for (auto [dim, factors] : llvm::enumerate(mapping))
    if (factors.size() == 1 && factors.front() == factor)
      return dim;
  return std::nullopt;
}

static bool isZero(TypedAttr element) {
  if (auto number = dyn_cast<FloatAttr>(element))
    return number.getValue().isZero();
  return cast<IntegerAttr>(element).getValue().isZero();
}

bool PaddingMasks::Content::isZero() const { return kind == Constant && ::isZero(constant); }

//===----------------------------------------------------------------------===//
// What padding holds
//===----------------------------------------------------------------------===//

void PaddingMasks::analyzeArgument(BlockArgument argument) {
  bool isParameter = function.getArgAttr(argument.getArgNumber(), TPCDialect::kParam) != nullptr;
  bool isFloat = isa<FloatType>(getElement(argument));
  for (unsigned dim : sizes.getPaddedDims(argument))
    if (isParameter || isFloat)
      contents[{argument, dim}] = {Content::Constant, getZero(getElement(argument)),
                                   /*promised=*/!isParameter};
}

/// Elementwise ops are folded as if their operands were the constants that padding holds.
PaddingMasks::Content PaddingMasks::fold(Operation *op, unsigned dim) const {
  SmallVector<Attribute> constants;
  for (Value operand : op->getOperands()) {
    Content content = contents.lookup({operand, dim});
    constants.push_back(content.kind == Content::Constant
                            ? SplatElementsAttr::get(cast<ShapedType>(operand.getType()),
                                                     Attribute(content.constant))
                            : Attribute());
  }
  Operation *clone = op->clone(); // folding may reorder operands
  SmallVector<OpFoldResult> results;
  LogicalResult folded = clone->fold(constants, results);
  clone->destroy();
  if (failed(folded) || results.size() != 1)
    return {};
  if (auto value = dyn_cast<Value>(results.front()))
    return contents.lookup({value, dim});
  auto splat = dyn_cast<SplatElementsAttr>(cast<Attribute>(results.front()));
  return splat ? Content{Content::Constant, splat.getSplatValue<TypedAttr>()} : Content{};
}

/// Are results zero along `factor`, given what the operands hold?
bool PaddingMasks::makesZeros(Operation *op, const ShardingRule &rule, unsigned factor) const {
  auto getContent = [&](unsigned operand) {
    std::optional<unsigned> dim = findDim(rule.operands[operand], factor);
    return dim ? std::optional(contents.lookup({op->getOperand(operand), *dim})) : std::nullopt;
  };
  auto isZero = [&](unsigned operand) {
    std::optional<Content> content = getContent(operand);
    return content && content->isZero();
  };
  bool allZero = true;
  for (unsigned operand = 0; operand < op->getNumOperands(); ++operand) {
    std::optional<Content> content = getContent(operand);
    if (!content || !isa<FloatType>(getElement(op->getOperand(operand))))
      continue;
    if (content->kind == Content::Undefined)
      return false;
    allZero &= content->isZero();
  }
  return (rule.zeroAtZero && allZero) || llvm::any_of(rule.linearSets, [&](ArrayRef<unsigned> set) {
           return llvm::all_of(set, isZero);
         });
}

PaddingMasks::Content PaddingMasks::getResultContent(Operation *op, const ShardingRule &rule,
                                                     OpResult result, unsigned dim) const {
  if (rule.results.empty())
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return {Content::Constant,
            cast<SplatElementsAttr>(constant.getValue()).getSplatValue<TypedAttr>()};
  if (op->hasTrait<OpTrait::Elementwise>())
    return fold(op, dim);
  unsigned factor = rule.results[result.getResultNumber()][dim].front();
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op); insert && rule.factors[factor].exact)
    return contents.lookup({insert.getDest(), dim}); // beyond what is inserted
  if (makesZeros(op, rule, factor))
    return {Content::Constant, getZero(getElement(result))};
  bool given = llvm::any_of(
      rule.operands, [&](const TensorMapping &mapping) { return hasFactor(mapping, factor); });
  return {given ? Content::Undefined : Content::Finite}; // repeated, or made from nothing
}

void PaddingMasks::analyze(Operation *op) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  ShardingRule rule = interface ? interface.getShardingRule() : ShardingRule();
  for (OpResult result : op->getResults())
    for (unsigned dim : sizes.getPaddedDims(result)) {
      Content content = getResultContent(op, rule, result, dim);
      if (content.kind == Content::Undefined)
        content = {Content::Constant, getZero(getElement(result)), /*promised=*/true};
      contents[{result, dim}] = content;
    }
}

//===----------------------------------------------------------------------===//
// Who relies on it
//===----------------------------------------------------------------------===//

void PaddingMasks::rely(Value value) {
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    SmallVector<unsigned> dims = sizes.getPaddedDims(next);
    if (dims.empty() || !relied.insert(next))
      continue;
    bool followsOperands =
        llvm::any_of(dims, [&](unsigned dim) { return !contents.lookup({next, dim}).promised; });
    if (Operation *op = next.getDefiningOp(); op && followsOperands)
      worklist.append(op->operand_begin(), op->operand_end());
  }
}

void PaddingMasks::requireConstant(OpOperand &use, unsigned dim, TypedAttr neutral) {
  Content content = contents.lookup({use.get(), dim});
  if (content.constant == neutral || (content.isZero() && isZero(neutral)))
    return rely(use.get());
  localMasks.push_back({&use, dim, neutral, 0});
}

/// What the op has to find in the padding of a factor that it joins. A softmax takes the lowest
/// finite number: a shard may be nothing but padding, and -inf minus -inf is NaN.
static TypedAttr getNeutral(const Factor &factor, Type element) {
  if (factor.reduction == ReductionKind::Sum)
    return getZero(element);
  bool negative = factor.reduction == ReductionKind::Max;
  if (auto type = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    return FloatAttr::get(type, factor.kind == FactorKind::Internal
                                    ? APFloat::getLargest(semantics, negative)
                                    : APFloat::getInf(semantics, negative));
  }
  unsigned width = element.getIntOrFloatBitWidth();
  return IntegerAttr::get(element, negative ? APInt::getSignedMinValue(width)
                                            : APInt::getSignedMaxValue(width));
}

/// Operands whose padded factors some result lacks are joined along them, as are those that an op
/// needs whole. Ids are not: what they select is.
void PaddingMasks::require(Operation *op) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface || op->getNumResults() == 0)
    return;
  ShardingRule rule = interface.getShardingRule();
  bool joinsFloats = isa<FloatType>(getElement(op->getResult(0)));
  for (OpOperand &use : op->getOpOperands())
    for (unsigned dim : sizes.getPaddedDims(use.get())) {
      unsigned factor = rule.operands[use.getOperandNumber()][dim].front();
      if (rule.factors[factor].exact) // cut off here
        continue;
      bool joined = rule.factors[factor].kind == FactorKind::NeedReplication ||
                    llvm::any_of(rule.results, [&](const TensorMapping &mapping) {
                      return !hasFactor(mapping, factor);
                    });
      if (joined && joinsFloats == isa<FloatType>(getElement(use.get())))
        requireConstant(use, dim, getNeutral(rule.factors[factor], getElement(use.get())));
    }
  requireIndices(op, rule);
  if (OpOperand *divisor = getIntegerDivisor(op))
    requireDivisor(*divisor);
}

/// Anything but zero will do.
void PaddingMasks::requireDivisor(OpOperand &use) {
  for (unsigned dim : sizes.getPaddedDims(use.get())) {
    Content content = contents.lookup({use.get(), dim});
    if (content.kind == Content::Constant && !content.isZero())
      rely(use.get());
    else
      localMasks.push_back({&use, dim, IntegerAttr::get(getElement(use.get()), 1), 0});
  }
}

/// Indices past the end of a padded factor would find what padding holds.
void PaddingMasks::requireIndices(Operation *op, const ShardingRule &rule) {
  for (OpOperand &use : op->getOpOperands())
    for (unsigned dim : sizes.getPaddedDims(use.get())) {
      unsigned factor = rule.operands[use.getOperandNumber()][dim].front();
      if (std::optional<unsigned> indices = rule.factors[factor].indexedBy)
        indexMasks.push_back({&op->getOpOperand(*indices), sizes.getLogical(use.get(), dim)});
    }
}

/// New values of parameters keep their zeros.
void PaddingMasks::requireReturned(OpOperand &use) {
  unsigned number = use.getOperandNumber();
  bool isParameter = function.getResultAttr(number, TPCDialect::kParam) != nullptr;
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    isParameter |= function.getArgAttr(alias.getInt(), TPCDialect::kParam) != nullptr;
  if (!isParameter)
    return;
  for (unsigned dim : sizes.getPaddedDims(use.get()))
    requireConstant(use, dim, getZero(getElement(use.get())));
}

//===----------------------------------------------------------------------===//
// Selects
//===----------------------------------------------------------------------===//

/// Gives new values the layout and the phase of `value`.
static void layOutAs(Value value, ArrayRef<Value> made) {
  Operation *op = value.getDefiningOp();
  for (Value result : made) {
    setLayout(result, getLayout(value));
    if (op)
      copyPhase(result.getDefiningOp(), op);
  }
}

/// `value` up to `extent` along `dim`, then `neutral`.
Value PaddingMasks::select(OpBuilder &builder, Value value, unsigned dim, int64_t extent,
                           TypedAttr neutral) {
  auto type = cast<RankedTensorType>(value.getType());
  Location loc = value.getLoc();
  Value mask =
      WithinOp::create(builder, loc, type.clone(builder.getI1Type()), extent, dim, Value());
  Value constant =
      arith::ConstantOp::create(builder, loc, SplatElementsAttr::get(type, Attribute(neutral)));
  Value selected = arith::SelectOp::create(builder, loc, mask, value, constant);
  ++numSelects;
  layOutAs(value, {mask, constant, selected});
  return selected;
}

/// `indices` below `extent`; -1, which is no index, for others.
Value PaddingMasks::selectInRange(OpBuilder &builder, Value indices, int64_t extent) {
  auto type = cast<RankedTensorType>(indices.getType());
  Location loc = indices.getLoc();
  auto makeConstant = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        SplatElementsAttr::get(type, builder.getIntegerAttr(type.getElementType(), number)));
  };
  Value end = makeConstant(extent), none = makeConstant(-1);
  Value mask = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, indices, end);
  Value selected = arith::SelectOp::create(builder, loc, mask, indices, none);
  ++numSelects;
  layOutAs(indices, {end, none, mask, selected});
  return selected;
}

void PaddingMasks::keepPromise(Value value) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  Value selected = value;
  Operation *first = nullptr;
  for (unsigned dim : sizes.getPaddedDims(value)) {
    if (!contents.lookup({value, dim}).promised)
      continue;
    selected =
        select(builder, selected, dim, sizes.getLogical(value, dim), getZero(getElement(value)));
    first = first ? first : selected.getDefiningOp();
  }
  if (first)
    value.replaceAllUsesExcept(selected, first);
}

void PaddingMasks::insertSelects() {
  for (LocalMask &mask : localMasks)
    mask.extent = sizes.getLogical(mask.use->get(), mask.dim);
  for (Value value : relied)
    keepPromise(value);
  for (const LocalMask &mask : localMasks) {
    OpBuilder builder(mask.use->getOwner());
    mask.use->set(select(builder, mask.use->get(), mask.dim, mask.extent, mask.neutral));
  }
  for (const IndexMask &mask : indexMasks) {
    OpBuilder builder(mask.use->getOwner());
    mask.use->set(selectInRange(builder, mask.use->get(), mask.extent));
  }
}

unsigned PaddingMasks::run() {
  for (BlockArgument argument : function.getArguments())
    analyzeArgument(argument);
  Block &block = function.getBody().front();
  for (Operation &op : block.without_terminator())
    analyze(&op);
  for (Operation &op : block.without_terminator())
    require(&op);
  for (OpOperand &use : block.getTerminator()->getOpOperands())
    requireReturned(use);
  insertSelects();
  return numSelects;
}
