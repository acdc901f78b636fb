//===- ConvertLinalg.cpp - the pass tpc-convert-linalg -------------------------===//

#include "GenericConverter.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "tpc/Frontend/Passes.h"

#define DEBUG_TYPE "tpc-convert-linalg"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_CONVERTLINALG
#include "tpc/Frontend/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// A fill is a splat constant.
static LogicalResult convertFill(linalg::FillOp fill, IRRewriter &rewriter) {
  auto type = dyn_cast<RankedTensorType>(fill->getResult(0).getType());
  Attribute value;
  if (!type || !matchPattern(fill.getInputs().front(), m_Constant(&value)))
    return fill.emitOpError("expects a constant scalar and a tensor");
  rewriter.setInsertionPoint(fill);
  rewriter.replaceOpWithNewOp<arith::ConstantOp>(fill, DenseElementsAttr::get(type, value));
  return success();
}

/// A padded value is inserted into a splat of what surrounds it.
static LogicalResult convertPad(tensor::PadOp pad, IRRewriter &rewriter) {
  Value around = pad.getConstantPaddingValue();
  Attribute value;
  if (!around || !matchPattern(around, m_Constant(&value)) || !pad.getLow().empty() ||
      !pad.getHigh().empty() || !pad.getResultType().hasStaticShape())
    return pad.emitOpError("expects static widths and a constant value around");
  rewriter.setInsertionPoint(pad);
  Value outer = arith::ConstantOp::create(rewriter, pad.getLoc(),
                                          DenseElementsAttr::get(pad.getResultType(), value));
  SmallVector<OpFoldResult> sizes, strides(pad.getSourceType().getRank(), rewriter.getIndexAttr(1));
  for (int64_t size : pad.getSourceType().getShape())
    sizes.push_back(rewriter.getIndexAttr(size));
  rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(pad, pad.getSource(), outer,
                                                     pad.getMixedLowPad(), sizes, strides);
  return success();
}

static LogicalResult convert(Operation *op, IRRewriter &rewriter) {
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return convertFill(fill, rewriter);
  if (auto pad = dyn_cast<tensor::PadOp>(op))
    return convertPad(pad, rewriter);
  auto named = dyn_cast<linalg::LinalgOp>(op);
  if (!named)
    return success();
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::GenericOp> general = linalg::generalizeNamedOp(rewriter, named);
    if (failed(general))
      return op->emitOpError("has no form as a linalg.generic, so it cannot be partitioned");
    generic = *general;
  }
  return GenericConverter(generic, rewriter).run();
}

namespace {
struct ConvertLinalg : tpc::impl::ConvertLinalgBase<ConvertLinalg> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<linalg::LinalgOp, tensor::PadOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(convert(op, rewriter)))
        return signalPassFailure();
    getOperation().walk([](tensor::EmptyOp empty) {
      if (empty->use_empty())
        empty.erase();
    });
  }
};
} // namespace
