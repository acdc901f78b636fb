//===- VerifyLayouts.cpp - the pass tpc-verify-layouts ---------------------===//

#include "tpc/Propagation/LayoutReader.h"
#include "tpc/Propagation/Passes.h"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_VERIFYLAYOUTS
#include "tpc/Propagation/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// Is `axes` `prefix` and something more? Both canonical: a part of an axis may have grown by the
/// next.
static bool startsWith(ArrayRef<AxisRef> axes, ArrayRef<AxisRef> prefix) {
  if (prefix.empty())
    return true;
  if (axes.size() < prefix.size() || axes.take_front(prefix.size() - 1) != prefix.drop_back())
    return false;
  const AxisRef &have = axes[prefix.size() - 1], &want = prefix.back();
  return have.axis == want.axis && have.pre == want.pre && have.size % want.size == 0;
}

namespace {

/// Checks one function against the labels of the pass' documentation.
class LayoutVerifier {
public:
  LayoutVerifier(func::FuncOp function, const LayoutReader &reader)
      : function(function), reader(reader) {}

  LogicalResult run() {
    bool ok = true;
    for (BlockArgument argument : function.getArguments())
      ok &= check(argument.getType(), getLayout(argument), [&] {
        return emitError(argument.getLoc())
               << "argument " << argument.getArgNumber() << " of @" << function.getSymName() << " ";
      });
    for (Operation &op : function.getBody().getOps())
      ok &= checkOp(&op);
    for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
      ok &= check(type, function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout),
                  [&, number = number] { return function.emitError("result ") << number << " "; });
    return success(ok);
  }

private:
  bool checkOp(Operation *op) {
    bool ok = true;
    for (OpResult result : op->getResults())
      ok &= check(result.getType(), getLayout(result),
                  [&] { return op->emitOpError("result ") << result.getResultNumber() << " "; });
    auto constrain = dyn_cast<ConstrainOp>(op);
    if (ok && constrain && !extends(getLayout(constrain.getResult()), constrain.getLayout())) {
      op->emitOpError("asks for ")
          << constrain.getLayout() << " (L6), got " << getLayout(constrain.getResult()) << blame;
      return false;
    }
    return ok && checkWhole(op);
  }

  /// `layout` has what `request` says, and more only where that is open.
  bool extends(LayoutAttr layout, LayoutAttr request) const {
    Layout have = layout.getLayout(reader.getMesh()), want = request.getLayout(reader.getMesh());
    for (auto [dim, attribute] : llvm::enumerate(request.getDims())) {
      AxisList all = getCanonical(have.dims[dim], reader.getMesh());
      AxisList asked = getCanonical(want.dims[dim], reader.getMesh());
      if (attribute.getOpen() ? !startsWith(all, asked) : all != asked)
        return false;
    }
    return true;
  }

  bool checkWhole(Operation *op) {
    auto interface = dyn_cast<ShardingRuleOpInterface>(op);
    if (!interface)
      return true;
    ShardingRule rule = interface.getShardingRule();
    for (OpResult result : op->getResults()) {
      LayoutAttr layout = getLayout(result);
      for (auto [dim, factors] : llvm::enumerate(rule.results[result.getResultNumber()]))
        for (unsigned factor : factors)
          if (rule.factors[factor].kind == FactorKind::NeedReplication &&
              !layout.getDims()[dim].getAxes().empty()) {
            op->emitOpError("needs dimension ") << dim << " whole (L7), got " << layout << blame;
            return false;
          }
    }
    return true;
  }

  bool check(Type type, LayoutAttr layout, EmitError emitError) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return true;
    if (!layout) {
      emitError() << "has no layout (L1)" << blame;
      return false;
    }
    if (layout.getMesh() != reader.getSymbol()) {
      emitError() << "has a layout on " << layout.getMesh() << ", not on the module's mesh (L2)"
                  << blame;
      return false;
    }
    if (failed(layout.verifyOn(emitError, reader.getMesh(), tensor.getRank())))
      return false;
    Layout theory = layout.getLayout(reader.getMesh());
    if (llvm::is_contained(theory.open, true) || theory.isPartial()) {
      emitError() << (theory.isPartial() ? "is Partial (L4)" : "has an open dimension (L3)")
                  << ", got " << layout << blame;
      return false;
    }
    if (!getLocalShape(tensor.getShape(), theory)) {
      emitError() << "has a dimension that its axes do not divide (L5), got " << layout << " on "
                  << tensor << "; run tpc-pad-uneven first";
      return false;
    }
    return true;
  }

  static constexpr const char *blame = "; is tpc-propagate-layouts at fault?";
  func::FuncOp function;
  const LayoutReader &reader;
};

struct VerifyLayouts : tpc::impl::VerifyLayoutsBase<VerifyLayouts> {
  void runOnOperation() override {
    FailureOr<LayoutReader> reader = LayoutReader::create(getOperation());
    if (failed(reader))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(TPCDialect::kKernel) &&
          failed(LayoutVerifier(function, *reader).run()))
        signalPassFailure();
  }
};

} // namespace
