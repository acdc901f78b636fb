//===- Differentiation.cpp - cotangents of the tpc ops -------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

using Cotangents = SmallVectorImpl<Value>;

//===-- identities -------------------------------------------------------------===//

static LogicalResult passThrough(Operation *, OpBuilder &, ValueRange cotangents,
                                 Cotangents &operands) {
  operands.assign({cotangents[0]});
  return success();
}

LogicalResult BoundaryOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                          Cotangents &operands) {
  return passThrough(*this, builder, cotangents, operands);
}
LogicalResult ReshardOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                         Cotangents &operands) {
  return passThrough(*this, builder, cotangents, operands);
}
LogicalResult UseOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                     Cotangents &operands) {
  return passThrough(*this, builder, cotangents, operands);
}
LogicalResult BarrierOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                         Cotangents &operands) {
  return passThrough(*this, builder, cotangents, operands);
}

/// Shard stays Shard. Over an axis where the value is replicated the cotangent is left open, so
/// that it may stay Partial: a layout that leaves some axis of the mesh unused asks nothing.
LogicalResult ConstrainOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  Mesh mesh = lookupMesh(*this, getLayout().getMesh()).getMesh().getMesh();
  Layout layout = getLayout().getLayout(mesh);
  layout.partial.clear();
  Value cotangent = cotangents[0];
  if (getSize(layout.getUsedAxes()) == mesh.getNumRanks() && !layout.isReplicated())
    cotangent = ConstrainOp::create(builder, getLoc(), cotangent.getType(), cotangent,
                                    LayoutAttr::get(getLayout().getMesh(), layout, mesh),
                                    getInteriorAttr(), getModuleAttr());
  operands.assign({cotangent});
  return success();
}

//===-- linear algebra ---------------------------------------------------------===//

/// The element type in which an operand's cotangent is summed. That of a parameter is the
/// parameter's own, however it was rounded for computation: what is summed over the batch, and then
/// over steps, is not rounded in between.
static Type getCotangentElement(Value operand) {
  auto use = operand.getDefiningOp<UseOp>();
  BlockArgument parameter = use ? use.getParameter() : BlockArgument();
  return getElementTypeOrSelf((parameter ? Value(parameter) : operand).getType());
}

/// `cotangent` in the element type of `operand`, which it is to be multiplied with.
static Value narrowLike(OpBuilder &builder, Location loc, Value cotangent, Value operand) {
  auto type = cast<RankedTensorType>(cotangent.getType());
  Type element = getElementTypeOrSelf(operand.getType());
  if (type.getElementType() == element)
    return cotangent;
  return arith::TruncFOp::create(builder, loc, type.clone(element), cotangent);
}

/// Swaps the roles of result and operand: d_lhs = contract(d_result, rhs), whose sums run over what
/// lhs lacks.
LogicalResult ContractOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                          Cotangents &operands) {
  std::string lhs = getLhsDims().str(), rhs = getRhsDims().str(), result = getResultDims().str();
  Value cotangent = narrowLike(builder, getLoc(), cotangents[0], getLhs());
  operands.assign(
      {ContractOp::create(builder, getLoc(), cotangent, getRhs(), result + "," + rhs + "->" + lhs,
                          getCotangentElement(getLhs())),
       ContractOp::create(builder, getLoc(), cotangent, getLhs(), result + "," + lhs + "->" + rhs,
                          getCotangentElement(getRhs()))});
  if (getAccumulate())
    operands.push_back(cotangents[0]);
  return success();
}

static SmallVector<int64_t> getOtherDims(ArrayRef<int64_t> dims, int64_t rank) {
  SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(dims, dim))
      others.push_back(dim);
  return others;
}

LogicalResult ReduceOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                        Cotangents &operands) {
  if (getKind().getValue() != ReductionKind::Sum)
    return emitOpError("has no derivative: only sums are differentiable");
  int64_t rank = cast<RankedTensorType>(getInput().getType()).getRank();
  operands.assign({BroadcastOp::create(builder, getLoc(), getInput().getType(), cotangents[0],
                                       getOtherDims(getDims(), rank))});
  return success();
}

LogicalResult BroadcastOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  int64_t rank = cast<RankedTensorType>(getResult().getType()).getRank();
  auto sum = ReductionKindAttr::get(getContext(), ReductionKind::Sum);
  operands.assign({ReduceOp::create(builder, getLoc(), getInput().getType(), sum, cotangents[0],
                                    builder.getDenseI64ArrayAttr(getOtherDims(getDims(), rank)))});
  return success();
}

LogicalResult TransposeOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [index, dim] : llvm::enumerate(getPermutation()))
    inverse[dim] = index;
  operands.assign({TransposeOp::create(builder, getLoc(), getInput().getType(), cotangents[0],
                                       builder.getDenseI64ArrayAttr(inverse))});
  return success();
}

//===-- transformer ops --------------------------------------------------------===//

LogicalResult EmbeddingOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  Type type = cast<RankedTensorType>(getTable().getType()).clone(getCotangentElement(getTable()));
  Value table = EmbeddingGradOp::create(builder, getLoc(), type, getIds(), cotangents[0],
                                        getFirst(), /*accumulate=*/Value());
  operands.assign({Value(), table});
  if (getFirst())
    operands.push_back(Value());
  return success();
}

LogicalResult RmsNormOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                         Cotangents &operands) {
  auto grad = RmsNormGradOp::create(builder, getLoc(), getInput().getType(), getWeight().getType(),
                                    getInput(), getWeight(), cotangents[0], getEpsAttr());
  operands.assign({grad.getDInput(), grad.getDWeight()});
  return success();
}

LogicalResult LayerNormOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  auto grad = LayerNormGradOp::create(builder, getLoc(), getInput().getType(),
                                      getWeight().getType(), getBias().getType(), getInput(),
                                      getWeight(), cotangents[0], getEpsAttr());
  operands.assign({grad.getDInput(), grad.getDWeight(), grad.getDBias()});
  return success();
}

/// Elements dropped forth are dropped back.
LogicalResult DropoutOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                         Cotangents &operands) {
  operands.assign((*this)->getNumOperands(), Value());
  operands[0] =
      DropoutOp::create(builder, getLoc(), getInput().getType(), cotangents[0], getSeed(),
                        getProbabilityAttr(), getStreamAttr(), getGlobalShapeAttr(), getOffsets());
  return success();
}

LogicalResult RopeOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                      Cotangents &operands) {
  Value input = RopeOp::create(builder, getLoc(), getInput().getType(), cotangents[0], getCos(),
                               getSin(), getInverse() ? UnitAttr() : builder.getUnitAttr());
  operands.assign({input, Value(), Value()});
  return success();
}

LogicalResult AttentionOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                           Cotangents &operands) {
  if (cotangents[1])
    return emitOpError("has no derivative with respect to its log_sum_exp");
  auto grad = AttentionGradOp::create(
      builder, getLoc(), getQ().getType(), getK().getType(), getV().getType(), getQ(), getK(),
      getV(), getOut(), getLogSumExp(), cotangents[0], getScaleAttr(), getCausalAttr());
  operands.assign({grad.getDQ(), grad.getDK(), grad.getDV()});
  return success();
}

static Value zeros(OpBuilder &builder, Location loc, Type type) {
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

LogicalResult CrossEntropyOp::buildCotangents(OpBuilder &builder, ValueRange cotangents,
                                              Cotangents &operands) {
  Value target =
      cotangents[0] ? cotangents[0] : zeros(builder, getLoc(), getTargetLogit().getType());
  Value logSumExp =
      cotangents[1] ? cotangents[1] : zeros(builder, getLoc(), getLogSumExp().getType());
  Value logits =
      CrossEntropyGradOp::create(builder, getLoc(), getLogits().getType(), getLogits(),
                                 getTargets(), getLogSumExp(), target, logSumExp, getFirst());
  operands.assign({logits, Value()});
  if (getFirst())
    operands.push_back(Value());
  return success();
}
