//===- PropagateLayouts.cpp - the pass tpc-propagate-layouts ---------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Propagation/AnnotationConflicts.h"
#include "tpc/Propagation/Passes.h"
#include "tpc/Propagation/PropagationReasons.h"

#define DEBUG_TYPE "tpc-propagate-layouts"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_PROPAGATELAYOUTS
#include "tpc/Propagation/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// Gives every use of a splat constant a constant of its own.
static void separateSplats(func::FuncOp function) {
  for (auto constant : llvm::to_vector(function.getOps<arith::ConstantOp>())) {
    if (!isa<SplatElementsAttr>(constant.getValue()) || constant->use_empty())
      continue;
    OpBuilder builder(constant);
    for (OpOperand &use :
         llvm::make_early_inc_range(llvm::drop_begin(constant.getResult().getUses())))
      use.set(builder.clone(*constant)->getResult(0));
  }
}

/// Parses the names of the option `storage-axes`.
static FailureOr<AxisList> findAxes(ArrayRef<std::string> names, const Mesh &mesh,
                                    EmitError emitError) {
  AxisList axes;
  for (StringRef name : names) {
    std::optional<unsigned> axis = mesh.findAxis(name);
    if (!axis)
      return emitError() << "storage axis '" << name << "' is no axis of the mesh";
    axes.push_back(AxisRef::whole(mesh, *axis));
  }
  return axes;
}

namespace {

/// Writes a settled graph into its function.
class LayoutWriter {
public:
  LayoutWriter(func::FuncOp function, const PropagationGraph &graph, FlatSymbolRefAttr symbol)
      : function(function), graph(graph), symbol(symbol) {}

  void run() {
    SignatureAttributes signature(function);
    for (BlockArgument argument : function.getArguments())
      if (LayoutAttr layout = getAttr(argument))
        signature.setArgument(argument.getArgNumber(), TPCDialect::kLayout, layout);
    for (Operation &op : function.getBody().front().without_terminator())
      writeOp(&op);
    Operation *terminator = function.getBody().front().getTerminator();
    for (auto [number, operand] : llvm::enumerate(terminator->getOperands())) {
      int value = graph.results[number];
      if (LayoutAttr layout = value < 0 ? getAttr(operand) : getAttr(value))
        signature.setResult(number, TPCDialect::kLayout, layout);
    }
    signature.write();
  }

private:
  void writeOp(Operation *op) {
    SmallVector<Attribute, 2> layouts;
    for (Value result : op->getResults())
      if (LayoutAttr layout = getAttr(result))
        layouts.push_back(layout);
    if (!layouts.empty())
      op->setAttr(TPCDialect::kLayouts, ArrayAttr::get(op->getContext(), layouts));
  }

  LayoutAttr getAttr(int number) const {
    return LayoutAttr::get(symbol, graph.values[number].layout, graph.mesh);
  }
  LayoutAttr getAttr(Value value) const {
    auto number = graph.numbers.find(value);
    return number == graph.numbers.end() ? LayoutAttr() : getAttr(static_cast<int>(number->second));
  }

  func::FuncOp function;
  const PropagationGraph &graph;
  FlatSymbolRefAttr symbol;
};

struct PropagateLayouts : tpc::impl::PropagateLayoutsBase<PropagateLayouts> {
  using PropagateLayoutsBase::PropagateLayoutsBase;

  void runOnOperation() override {
    if (onConflict != "cost" && onConflict != "error") {
      getOperation().emitError("on-conflict is cost or error, got '") << onConflict << "'";
      return signalPassFailure();
    }
    FailureOr<LayoutReader> reader = LayoutReader::create(getOperation());
    if (failed(reader))
      return signalPassFailure();
    FailureOr<AxisList> axes =
        findAxes(storageAxes, reader->getMesh(), [&] { return getOperation().emitError(); });
    FailureOr<ParameterLayouts> parameters = ParameterLayouts::collect(getOperation());
    llvm::Expected<MachineModel> model = MachineModel::load(machine);
    if (!model) {
      getOperation().emitError(llvm::toString(model.takeError()));
      return signalPassFailure();
    }
    if (failed(axes) || failed(parameters))
      return signalPassFailure();
    ConflictPricer pricer(CostModel(reader->getMesh(), *model));
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(TPCDialect::kKernel) &&
          failed(propagate(function, *reader, *parameters, *axes, pricer)))
        signalPassFailure();
  }

private:
  LogicalResult propagate(func::FuncOp function, const LayoutReader &reader,
                          const ParameterLayouts &parameters, ArrayRef<AxisRef> axes,
                          ConflictPricer &pricer) {
    separateSplats(function);
    FailureOr<PropagationGraph> graph = buildPropagationGraph(function, reader, parameters, axes);
    if (failed(graph))
      return failure();
    LayoutPropagation propagation(*graph, pricer);
    propagation.run();
    if (failed(report(findAnnotationConflicts(*graph, propagation), *graph)))
      return failure();
    LayoutWriter(function, *graph, reader.getSymbol()).run();
    if (recordReasons)
      attachReasons(function, *graph, propagation);
    numRounds += propagation.getNumRounds();
    numDecisions += propagation.getDecisions().size();
    numConflicts += propagation.getConflicts().size();
    return success();
  }

  /// Says each pair of annotations once: all functions begin with the same forward program.
  LogicalResult report(ArrayRef<AnnotationConflict> conflicts, const PropagationGraph &graph) {
    for (const AnnotationConflict &conflict : conflicts) {
      if (!reported
               .insert({getAnnotationLoc(graph, conflict.kept).getAsOpaquePointer(),
                        getAnnotationLoc(graph, conflict.lost).getAsOpaquePointer()})
               .second)
        continue;
      if (onConflict == "error")
        emitConflictError(graph, conflict);
      else
        emitConflictRemark(graph, conflict);
    }
    return failure(onConflict == "error" && !conflicts.empty());
  }

  std::set<std::pair<const void *, const void *>> reported;
};

} // namespace
