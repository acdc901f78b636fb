//===- UpstreamSlices.cpp - tensor.extract_slice, insert_slice, concat ---------===//
//
// A dimension of which only a part is taken, filled or appended to needs to be whole: the parts
// that ranks hold of it do not line up. All other dimensions pass through.
//
//===----------------------------------------------------------------------===//

#include "UpstreamSlices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/RuleBuilder.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

//===-- boxes ------------------------------------------------------------------===//

/// The tensor that a box lies in: the source of extract_slice, the destination of insert_slice.
template <typename OpType>
static RankedTensorType getOuterType(OpType op) {
  if constexpr (std::is_same_v<OpType, tensor::ExtractSliceOp>)
    return op.getSourceType();
  else
    return op.getDestType();
}

/// True if the box has all of dimension `dim`.
template <typename OpType>
static bool isWholeDim(OpType op, unsigned dim) {
  return op.getStaticOffsets()[dim] == 0 && op.getStaticStrides()[dim] == 1 &&
         op.getStaticSizes()[dim] == getOuterType(op).getDimSize(dim);
}

namespace {

/// Letters of the tensor around a box and of the box: a dimension that the box has whole is one
/// factor of both, of any other each side has its own, whole.
struct BoxLetters {
  std::string outer, box, whole;

  template <typename OpType>
  explicit BoxLetters(OpType op) {
    llvm::SmallBitVector dropped = op.getDroppedDims();
    for (unsigned dim = 0, rank = getOuterType(op).getRank(); dim < rank; ++dim) {
      char lower = static_cast<char>('a' + dim), upper = static_cast<char>('A' + dim);
      bool shared = isWholeDim(op, dim) && !dropped.test(dim);
      outer += lower;
      if (!shared)
        whole += lower;
      if (dropped.test(dim))
        continue;
      box += shared ? lower : upper;
      if (!shared)
        whole += upper;
    }
  }
};

struct ExtractSliceRule
    : ShardingRuleOpInterface::ExternalModel<ExtractSliceRule, tensor::ExtractSliceOp> {
  ShardingRule getShardingRule(Operation *op) const {
    BoxLetters letters(cast<tensor::ExtractSliceOp>(op));
    return buildRule(op, {letters.outer}, {letters.box}, {}, letters.whole, {{0}});
  }
};

struct InsertSliceRule
    : ShardingRuleOpInterface::ExternalModel<InsertSliceRule, tensor::InsertSliceOp> {
  ShardingRule getShardingRule(Operation *op) const {
    BoxLetters letters(cast<tensor::InsertSliceOp>(op));
    return buildRule(op, {letters.box, letters.outer}, {letters.outer}, {}, letters.whole,
                     {{0, 1}});
  }
};

/// The same op with local sizes: a dimension that is split is one that the box has whole.
template <typename OpType>
struct LocalBox : LocalizableOpInterface::ExternalModel<LocalBox<OpType>, OpType> {
  FailureOr<SmallVector<Value>> localize(Operation *op, OpBuilder &builder, ValueRange operands,
                                         const LocalizationContext &context) const {
    const Layout &outer =
        context.operandLayouts[std::is_same_v<OpType, tensor::ExtractSliceOp> ? 0 : 1];
    SmallVector<int64_t> sizes(cast<OpType>(op).getStaticSizes());
    for (auto [size, axes] : llvm::zip_equal(sizes, outer.dims))
      size /= getSize(axes);
    OperationState state(op->getLoc(), op->getName(), operands, context.localResultTypes,
                         op->getAttrs());
    state.attributes.set("static_sizes", builder.getDenseI64ArrayAttr(sizes));
    state.attributes.erase(TPCDialect::kLayouts);
    return SmallVector<Value>(builder.create(state)->getResults());
  }
};

//===-- concatenation ----------------------------------------------------------===//

struct ConcatRule : ShardingRuleOpInterface::ExternalModel<ConcatRule, tensor::ConcatOp> {
  ShardingRule getShardingRule(Operation *op) const {
    auto concat = cast<tensor::ConcatOp>(op);
    std::string result, whole;
    for (int64_t dim = 0; dim < concat.getResultType().getRank(); ++dim)
      result += static_cast<char>('a' + dim);
    whole = result.substr(concat.getDim(), 1);
    SmallVector<std::string> operands;
    SmallVector<unsigned, 2> all;
    for (unsigned number = 0; number < op->getNumOperands(); ++number) {
      operands.push_back(result);
      whole += operands.back()[concat.getDim()] = static_cast<char>('A' + number % 26);
      all.push_back(number);
    }
    return buildRule(op, operands, {result}, {}, whole, {all});
  }
};

//===-- cotangents -------------------------------------------------------------===//

template <typename OpType>
struct SliceGrad : DifferentiableOpInterface::ExternalModel<SliceGrad<OpType>, OpType> {
  LogicalResult buildCotangents(Operation *op, OpBuilder &builder, ValueRange cotangents,
                                SmallVectorImpl<Value> &operands) const {
    operands.assign(op->getNumOperands(), Value());
    build(cast<OpType>(op), builder, cotangents[0], operands);
    return success();
  }

private:
  static Value zeros(OpBuilder &builder, Location loc, Type type) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }
  /// What lay outside the box had no influence.
  static void build(tensor::ExtractSliceOp op, OpBuilder &builder, Value cotangent,
                    SmallVectorImpl<Value> &operands) {
    operands[0] = tensor::InsertSliceOp::create(
        builder, op.getLoc(), cotangent, zeros(builder, op.getLoc(), op.getSourceType()),
        op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides());
  }
  static void build(tensor::InsertSliceOp op, OpBuilder &builder, Value cotangent,
                    SmallVectorImpl<Value> &operands) {
    operands[0] = tensor::ExtractSliceOp::create(builder, op.getLoc(), op.getSourceType(),
                                                 cotangent, op.getMixedOffsets(),
                                                 op.getMixedSizes(), op.getMixedStrides());
    operands[1] = tensor::InsertSliceOp::create(
        builder, op.getLoc(), zeros(builder, op.getLoc(), op.getSourceType()), cotangent,
        op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides());
  }
  static void build(tensor::ConcatOp op, OpBuilder &builder, Value cotangent,
                    SmallVectorImpl<Value> &operands) {
    int64_t rank = op.getResultType().getRank(), next = 0;
    for (auto [operand, input] : llvm::zip_equal(operands, op.getInputs())) {
      SmallVector<OpFoldResult> offsets(rank, builder.getIndexAttr(0)),
          strides(rank, builder.getIndexAttr(1)), sizes;
      for (int64_t size : getTensor(input).getShape())
        sizes.push_back(builder.getIndexAttr(size));
      offsets[op.getDim()] = builder.getIndexAttr(next);
      next += getTensor(input).getDimSize(op.getDim());
      operand = tensor::ExtractSliceOp::create(builder, op.getLoc(), getTensor(input), cotangent,
                                               offsets, sizes, strides);
    }
  }
};

} // namespace

void tpc::registerUpstreamSlices(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    using namespace tensor;
    ExtractSliceOp::attachInterface<ExtractSliceRule, LocalBox<ExtractSliceOp>,
                                    SliceGrad<ExtractSliceOp>>(*context);
    InsertSliceOp::attachInterface<InsertSliceRule, LocalBox<InsertSliceOp>,
                                   SliceGrad<InsertSliceOp>>(*context);
    ConcatOp::attachInterface<ConcatRule, SliceGrad<ConcatOp>>(*context);
  });
}
