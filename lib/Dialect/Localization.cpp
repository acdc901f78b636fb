//===- Localization.cpp - ops whose local form needs more than smaller shapes ---===//
//
// Ids and positions are global, shards start somewhere: the local op is told where by an index
// operand. A vocabulary shard's log-sum-exp is joined over the group.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

using LocalValues = FailureOr<SmallVector<Value>>;

static int64_t getDimSize(Type type, unsigned dim) {
  return cast<RankedTensorType>(type).getDimSize(dim);
}

/// Where the shard starts whose dimension `dim` is split over `axes`; null if it is whole.
static Value buildFirst(OpBuilder &builder, Operation *op, const LocalizationContext &context,
                        const AxisList &axes, Type localType, unsigned dim) {
  return context.buildOffset(builder, op->getLoc(), axes, getDimSize(localType, dim));
}

LocalValues EmbeddingOp::localize(OpBuilder &builder, ValueRange operands,
                                  const LocalizationContext &context) {
  Value first = buildFirst(builder, *this, context, context.operandLayouts[1].dims[0],
                           operands[1].getType(), 0);
  Value result = EmbeddingOp::create(builder, getLoc(), context.localResultTypes[0], operands[0],
                                     operands[1], first);
  return SmallVector<Value>{result};
}

LocalValues EmbeddingGradOp::localize(OpBuilder &builder, ValueRange operands,
                                      const LocalizationContext &context) {
  Type type = context.localResultTypes[0];
  Value first = buildFirst(builder, *this, context, context.resultLayouts[0].dims[0], type, 0);
  Value result = EmbeddingGradOp::create(builder, getLoc(), type, operands[0], operands[1], first,
                                         getAccumulate() ? operands.back() : Value());
  return SmallVector<Value>{result};
}

LocalValues RopeTableOp::localize(OpBuilder &builder, ValueRange operands,
                                  const LocalizationContext &context) {
  Value first = buildFirst(builder, *this, context, context.resultLayouts[0].dims[0],
                           context.localResultTypes[0], 0);
  auto local = RopeTableOp::create(builder, getLoc(), context.localResultTypes,
                                   getFrequenciesAttr(), getScaleAttr(), first);
  return SmallVector<Value>(local->getResults());
}

LocalValues WithinOp::localize(OpBuilder &builder, ValueRange, const LocalizationContext &context) {
  Type type = context.localResultTypes[0];
  unsigned dim = getDim();
  Value first = buildFirst(builder, *this, context, context.resultLayouts[0].dims[dim], type, dim);
  Value result = WithinOp::create(builder, getLoc(), type, getExtentAttr(), getDimAttr(), first);
  return SmallVector<Value>{result};
}

//===-- cross-entropy on a vocabulary shard --------------------------------------===//

static AxisList getVocabularyAxes(const LocalizationContext &context) {
  return context.operandLayouts[0].dims.back();
}

static Value buildFirstToken(OpBuilder &builder, Operation *op, ValueRange operands,
                             const LocalizationContext &context) {
  Type logits = operands[0].getType();
  return buildFirst(builder, op, context, getVocabularyAxes(context), logits,
                    cast<RankedTensorType>(logits).getRank() - 1);
}

static ReductionKindAttr getKind(OpBuilder &builder, ReductionKind kind) {
  return ReductionKindAttr::get(builder.getContext(), kind);
}

/// The target's logit is on one shard, zero on the others: a sum. The log-sum-exp: with m the
/// maximum of the shards', m + log(sum of exp(shard's - m)).
static SmallVector<Value> joinShards(OpBuilder &builder, CrossEntropyOp local, ArrayAttr axes,
                                     FlatSymbolRefAttr mesh) {
  Location loc = local.getLoc();
  Value lse = local.getLogSumExp();
  Value maximum = AllReduceOp::create(builder, loc, getKind(builder, ReductionKind::Max),
                                      ValueRange{lse}, mesh, axes)
                      .getResult(0);
  Value shifted =
      math::ExpOp::create(builder, loc, arith::SubFOp::create(builder, loc, lse, maximum));
  auto sums = AllReduceOp::create(builder, loc, getKind(builder, ReductionKind::Sum),
                                  ValueRange{local.getTargetLogit(), shifted}, mesh, axes);
  Value joined = arith::AddFOp::create(builder, loc, maximum,
                                       math::LogOp::create(builder, loc, sums.getResult(1)));
  return {sums.getResult(0), joined};
}

LocalValues CrossEntropyOp::localize(OpBuilder &builder, ValueRange operands,
                                     const LocalizationContext &context) {
  Value first = buildFirstToken(builder, *this, operands, context);
  auto local = CrossEntropyOp::create(builder, getLoc(), context.localResultTypes, operands[0],
                                      operands[1], first);
  AxisList axes = getVocabularyAxes(context);
  if (tpc::getSize(axes) == 1)
    return SmallVector<Value>(local->getResults());
  return joinShards(builder, local, context.getAxesAttr(builder, axes), context.meshSymbol);
}

LocalValues CrossEntropyGradOp::localize(OpBuilder &builder, ValueRange operands,
                                         const LocalizationContext &context) {
  Value first = buildFirstToken(builder, *this, operands, context);
  Value result =
      CrossEntropyGradOp::create(builder, getLoc(), context.localResultTypes[0], operands[0],
                                 operands[1], operands[2], operands[3], operands[4], first);
  return SmallVector<Value>{result};
}

//===-- random values ------------------------------------------------------------===//

/// Where the shard with `layout` starts, one offset per dimension; none if it is the whole.
static SmallVector<Value> buildOffsets(OpBuilder &builder, Operation *op,
                                       const LocalizationContext &context, const Layout &layout,
                                       RankedTensorType localType) {
  SmallVector<Value> offsets;
  if (llvm::all_of(layout.dims, [](const AxisList &axes) { return axes.empty(); }))
    return offsets;
  for (auto [dim, axes] : llvm::enumerate(layout.dims)) {
    Value offset = buildFirst(builder, op, context, axes, localType, dim);
    offsets.push_back(
        offset ? offset : arith::ConstantIndexOp::create(builder, op->getLoc(), 0).getResult());
  }
  return offsets;
}

LocalValues InitOp::localize(OpBuilder &builder, ValueRange operands,
                             const LocalizationContext &context) {
  auto type = cast<RankedTensorType>(context.localResultTypes[0]);
  SmallVector<Value> offsets =
      buildOffsets(builder, *this, context, context.resultLayouts[0], type);
  Value result = InitOp::create(builder, getLoc(), type, operands[0], operands[1], getParamAttr(),
                                getInitializerRangeAttr(), getGlobalShapeAttr(), offsets);
  return SmallVector<Value>{result};
}

LocalValues DropoutOp::localize(OpBuilder &builder, ValueRange operands,
                                const LocalizationContext &context) {
  auto type = cast<RankedTensorType>(context.localResultTypes[0]);
  SmallVector<Value> offsets =
      buildOffsets(builder, *this, context, context.resultLayouts[0], type);
  Value result =
      DropoutOp::create(builder, getLoc(), type, operands[0], operands[1], getProbabilityAttr(),
                        getStreamAttr(), getGlobalShapeAttr(), offsets);
  return SmallVector<Value>{result};
}
