//===- PadUneven.cpp - the pass tpc-pad-uneven ----------------------------------===//

#include "ExactSizes.h"
#include "PaddingMasks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Partition/Passes.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/Format.h"
#include <set>

#define DEBUG_TYPE "tpc-pad-uneven"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_PADUNEVEN
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// Gives the values of one function their padded types.
class TypeRewriter {
public:
  TypeRewriter(func::FuncOp function, const PaddedSizes &sizes)
      : function(function), sizes(sizes), builder(function.getContext()) {}

  void run() {
    Block &block = function.getBody().front();
    SignatureAttributes signature(function);
    for (BlockArgument argument : function.getArguments())
      if (rewrite(argument))
        signature.setArgument(argument.getArgNumber(), TPCDialect::kLogicalShape,
                              getLogical(argument));
    for (Operation &op : block.without_terminator())
      rewriteOp(&op);
    for (auto [number, value] : llvm::enumerate(block.getTerminator()->getOperands()))
      if (!sizes.getPaddedDims(value).empty())
        signature.setResult(number, TPCDialect::kLogicalShape, getLogical(value));
    signature.write();
    function.setFunctionType(builder.getFunctionType(block.getArgumentTypes(),
                                                     block.getTerminator()->getOperandTypes()));
  }

private:
  bool rewrite(Value value) {
    if (sizes.getPaddedDims(value).empty())
      return false;
    value.setType(cast<RankedTensorType>(value.getType()).clone(sizes.getShape(value)));
    return true;
  }

  /// Attributes that repeat types follow them.
  void rewriteOp(Operation *op) {
    bool padded = false;
    for (Value result : op->getResults())
      padded |= rewrite(result);
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      expand.setStaticOutputShape(expand.getResultType().getShape());
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      slice.setStaticSizes(getBox(slice.getStaticSizes(), slice.getResult()));
    if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
      slice.setStaticSizes(getBox(slice.getStaticSizes(), slice.getSource()));
    if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && padded)
      constant.setValueAttr(cast<SplatElementsAttr>(constant.getValue())
                                .resizeSplat(cast<ShapedType>(op->getResult(0).getType())));
  }

  /// A box has the shape of what it holds, but for dimensions of size one that are dropped there:
  /// of several the outermost, as getDroppedDims() has it.
  SmallVector<int64_t> getBox(ArrayRef<int64_t> box, Value held) {
    SmallVector<int64_t> padded(box);
    unsigned dim = getShape(held).size();
    for (int64_t &size : llvm::reverse(padded))
      if (dim > 0 && sizes.getLogical(held, dim - 1) == size)
        size = sizes.get(held, --dim);
    return padded;
  }

  DenseI64ArrayAttr getLogical(Value value) {
    SmallVector<int64_t> shape;
    for (unsigned dim = 0; dim < getShape(value).size(); ++dim)
      shape.push_back(sizes.getLogical(value, dim));
    return builder.getDenseI64ArrayAttr(shape);
  }

  func::FuncOp function;
  const PaddedSizes &sizes;
  Builder builder;
};

} // namespace

/// "dimension 0 of 'lm_head.weight'"
static std::string getName(const PaddedSizes::Class &factor) {
  std::string name = "dimension " + std::to_string(factor.dim) + " of ";
  auto argument = dyn_cast<BlockArgument>(factor.value);
  if (!argument)
    return name + "a value";
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  unsigned number = argument.getArgNumber();
  if (auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam))
    return name + "'" + param.getName().str() + "'";
  if (auto input = function.getArgAttrOfType<StringAttr>(number, TPCDialect::kInput))
    return name + "'" + input.getValue().str() + "'";
  return name + "argument " + std::to_string(number);
}

/// One warning per pair of sizes: layers are alike.
static void warn(MeshOp mesh, ArrayRef<PaddedSizes::Class> factors) {
  std::set<std::pair<int64_t, int64_t>> told;
  for (const PaddedSizes::Class &factor : factors) {
    if (!told.insert({factor.size, factor.padded}).second)
      continue;
    std::string share;
    llvm::raw_string_ostream(share)
        << llvm::format("%.3g", 100.0 * static_cast<double>(factor.padded - factor.size) /
                                    static_cast<double>(factor.padded));
    emitWarning(mesh.getLoc()) << getName(factor) << ", of size " << factor.size
                               << ", is padded to " << factor.padded << ": ranks idle for " << share
                               << " % of the work on it";
  }
}

namespace {
struct PadUneven : tpc::impl::PadUnevenBase<PadUneven> {
  using PadUnevenBase::PadUnevenBase;

  void runOnOperation() override {
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(getOperation());
    if (failed(context) || failed(functions))
      return signalPassFailure();
    auto check = [&](Value value) -> LogicalResult { return context->readUnevenLayout(value); };
    for (func::FuncOp function : *functions)
      if (failed(visitValues(function, check)))
        return signalPassFailure();
    PaddedSizes sizes(*functions, *context);
    std::vector<PaddedSizes::Class> factors = sizes.getPadded();
    if (factors.empty())
      return markAllAnalysesPreserved();
    numFactors += factors.size();
    warn(getMesh(getOperation()), factors);
    for (func::FuncOp function : *functions) {
      numExact += insertExactSizes(function, sizes, *context);
      TypeRewriter(function, sizes).run();
      numSelects += PaddingMasks(function, sizes).run();
    }
  }
};
} // namespace
