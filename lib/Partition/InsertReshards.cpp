//===- InsertReshards.cpp - the pass tpc-insert-reshards ------------------------===//

#include "tpc/Partition/InsertReshards.h"
#include "AdditionChain.h"
#include "SplitPricer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Partition/Passes.h"
#include "llvm/Support/Debug.h"

#define DEBUG_TYPE "tpc-insert-reshards"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_INSERTRESHARDS
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

namespace {

/// Visits one function in program order.
class ReshardInserter {
public:
  ReshardInserter(func::FuncOp function, const MeshContext &context, ReshardPlanner &planner,
                  bool strict, llvm::DenseSet<Location> &reported)
      : function(function), context(context), planner(planner), versions(context, planner),
        strict(strict), reported(reported) {}

  LogicalResult run();
  unsigned getNumReshards() const { return versions.getNumReshards(); }
  unsigned getNumPartials() const { return numPartials; }
  unsigned getNumDepartures() const { return versions.getNumDepartures(); }

private:
  LogicalResult visit(Operation *op);
  FailureOr<Layout> readRequest(Value value, LayoutAttr attribute, EmitError emit);
  LogicalResult visitRequest(Operation *op, LayoutAttr layout);
  LogicalResult visitUse(UseOp op);
  LogicalResult visitReturn(Operation *op);
  LogicalResult visitCompute(Operation *op);

  FailureOr<std::vector<Layout>> readWanted(ValueRange values);
  std::optional<Layout> findDestination(Value value);
  void apply(Operation *op, const PricedSplit &chosen, ArrayRef<Layout> wanted);
  void eraseDead();
  void reportUnused(Operation *request, const Layout &layout);

  func::FuncOp function;
  const MeshContext &context;
  ReshardPlanner &planner;
  ValueVersions versions;
  bool strict;
  llvm::DenseSet<Location> &reported; ///< requests that were remarked on, in any function
  std::vector<std::pair<Operation *, Layout>> requests;
  unsigned numPartials = 0;
};

} // namespace

static bool isTensor(Value value) { return isa<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

LogicalResult ReshardInserter::run() {
  FailureOr<std::vector<Layout>> arguments = readWanted(function.getArguments());
  if (failed(arguments))
    return failure();
  for (auto [argument, layout] : llvm::zip_equal(function.getArguments(), *arguments))
    versions.define(argument, layout, layout);
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front())
    if (!isInnerAddition(&op))
      ops.push_back(&op);
  for (Operation *op : ops)
    if (failed(visit(op)))
      return failure();
  eraseDead();
  return success();
}

LogicalResult ReshardInserter::visit(Operation *op) {
  if (isa<BoundaryOp>(op))
    return op->emitOpError("has no layout to offer: run tpc-apply-plan first");
  if (auto constrain = dyn_cast<ConstrainOp>(op))
    return visitRequest(op, constrain.getLayout());
  if (auto reshard = dyn_cast<ReshardOp>(op))
    return visitRequest(op, reshard.getLayout());
  if (auto use = dyn_cast<UseOp>(op))
    return visitUse(use);
  if (isa<func::ReturnOp>(op))
    return visitReturn(op);
  if (!isOuterAddition(op))
    return visitCompute(op);
  for (Operation *addition : regroupAdditions(op, versions))
    if (failed(visitCompute(addition)))
      return failure();
  return success();
}

/// The layouts that propagation gave values; Partial is ours to assign.
FailureOr<std::vector<Layout>> ReshardInserter::readWanted(ValueRange values) {
  std::vector<Layout> layouts;
  for (Value value : values) {
    FailureOr<Layout> layout = context.readLayout(value);
    if (failed(layout))
      return failure();
    if (layout->isPartial())
      return emitError(value.getLoc()) << "expects no Partial layout, it is assigned here; got "
                                       << toDTensorString(*layout, context.mesh);
    layouts.push_back(*layout);
  }
  return layouts;
}

/// The layout that `attribute` asks of `value`, if it can be had.
FailureOr<Layout> ReshardInserter::readRequest(Value value, LayoutAttr attribute, EmitError emit) {
  if (failed(attribute.verifyOn(emit, context.mesh, getShape(value).size())))
    return failure();
  Layout layout = getNormalized(attribute.getLayout(context.mesh), context.mesh);
  if (llvm::Error error = checkEvenSplit(getShape(value), layout, context.mesh))
    return emit() << llvm::toString(std::move(error));
  if (versions.getSeconds(value, layout))
    return layout;
  InFlightDiagnostic error = emit();
  error << "cannot be made " << toDTensorString(layout, context.mesh) << ", got "
        << toDTensorString(versions.getLayouts(value).front(), context.mesh);
  auto module = value.getParentRegion()->getParentOfType<ModuleOp>();
  if (auto cap = module->getAttrOfType<IntegerAttr>(kReshardMemory))
    error << "; a way may need more than the " << cap.getInt()
          << " bytes that --reshard-memory allows in between";
  return error;
}

/// A reshard that the program has is made where it stands, and so is a request that all must
/// follow; else whoever uses the value may use it in any layout, and pays for it.
LogicalResult ReshardInserter::visitRequest(Operation *op, LayoutAttr attribute) {
  Value input = op->getOperand(0);
  FailureOr<Layout> layout = readRequest(input, attribute, [&] { return op->emitOpError(); });
  if (failed(layout))
    return failure();
  requests.push_back({op, *layout});
  if (strict || isa<ReshardOp>(op)) {
    versions.define(op->getResult(0), versions.get(input, *layout, op), *layout);
    return success();
  }
  versions.addRequest(input, *layout, op);
  versions.defineAlias(op->getResult(0), input);
  return success();
}

/// Storage axes are gathered here.
LogicalResult ReshardInserter::visitUse(UseOp op) {
  FailureOr<std::vector<Layout>> wanted = readWanted(op->getResults());
  if (failed(wanted))
    return failure();
  const Layout &layout = wanted->front();
  if (!versions.getSeconds(op.getInput(), layout))
    return op.emitOpError("cannot be reached from the parameter's layout");
  op.getInputMutable().assign(versions.get(op.getInput(), layout, op));
  versions.define(op.getResult(), layout, layout);
  return success();
}

LogicalResult ReshardInserter::visitReturn(Operation *op) {
  for (auto [number, value] : llvm::enumerate(SmallVector<Value>(op->getOperands()))) {
    if (!isTensor(value))
      continue;
    auto attribute = function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout);
    auto emit = [&, number = number] { return function.emitError("result ") << number << " "; };
    if (!attribute)
      return emit() << "has no layout: run tpc-propagate-layouts first";
    FailureOr<Layout> layout = readRequest(value, attribute, emit);
    if (failed(layout))
      return failure();
    op->setOperand(number, versions.get(value, *layout, op));
  }
  return success();
}

/// Where the value is bound for: the layout of the function's result if it is returned.
std::optional<Layout> ReshardInserter::findDestination(Value value) {
  for (OpOperand &use : value.getUses()) {
    if (!isa<func::ReturnOp>(use.getOwner()))
      continue;
    auto layout =
        function.getResultAttrOfType<LayoutAttr>(use.getOperandNumber(), TPCDialect::kLayout);
    if (layout && layout.getMesh() == context.symbol)
      return getNormalized(layout.getLayout(context.mesh), context.mesh);
  }
  return std::nullopt;
}

/// Will the local form of an op split so communicate by itself?
static bool joinsShards(const ShardingRule &rule, const OpSplit &split) {
  for (auto [factor, axes] : llvm::zip_equal(rule.factors, split.factors))
    if (factor.kind == FactorKind::Internal && getSize(axes) > 1)
      return true;
  return false;
}

LogicalResult ReshardInserter::visitCompute(Operation *op) {
  FailureOr<std::vector<Layout>> wanted = readWanted(op->getResults());
  if (failed(wanted))
    return failure();
  for (auto [result, layout] : llvm::zip_equal(op->getResults(), *wanted))
    layout = findDestination(result).value_or(layout);
  auto isTensorType = llvm::IsaPred<RankedTensorType>;
  if (llvm::none_of(op->getOperandTypes(), isTensorType) &&
      llvm::none_of(op->getResultTypes(), isTensorType))
    return success();
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface)
    return op->emitOpError("has no sharding rule");
  std::optional<PricedSplit> best =
      SplitPricer(interface, *wanted, context, planner, versions).findCheapest();
  if (!best)
    return op->emitOpError("cannot be split to fit its rule ") << interface.getShardingRule().str();
  apply(op, *best, *wanted);
  if (joinsShards(interface.getShardingRule(), best->split))
    op->setLoc(versions.getReasons().getLocWithReasons(op));
  return success();
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

void ReshardInserter::apply(Operation *op, const PricedSplit &chosen, ArrayRef<Layout> wanted) {
  for (unsigned number = 0; number < op->getNumOperands(); ++number)
    op->setOperand(number, versions.get(op->getOperand(number), chosen.operands[number], op));
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    if (!isTensor(result))
      continue;
    const Layout &layout = chosen.results[number];
    setLayout(result, context.getAttr(layout));
    versions.define(result, layout, wanted[number]);
    numPartials += layout.isPartial();
    LLVM_DEBUG(llvm::dbgs() << op->getName() << " result " << number << ": "
                            << toDTensorString(layout, context.mesh) << "\n");
  }
}

/// Requests, what nobody took, and constants that were cloned, go.
void ReshardInserter::eraseDead() {
  for (auto &[request, layout] : requests)
    if (!strict)
      reportUnused(request, layout);
  for (auto &[request, layout] : llvm::reverse(requests))
    request->erase();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isa<ReshardOp, arith::ConstantOp>(op) && op.use_empty())
      op.erase();
}

/// The line of the plan, which asks the same of many modules; without one the place itself.
static Location getLine(Location loc) {
  LocationAttr line = getAnnotation(loc);
  return line ? Location(line) : loc;
}

/// A layout that was asked for in the forward program, costs traffic, and is of use to nobody.
void ReshardInserter::reportUnused(Operation *request, const Layout &layout) {
  Value input = request->getOperand(0);
  std::vector<Layout> made = versions.getLayouts(input);
  if (llvm::is_contained(made, layout) || request->hasAttr("tpc.backward") ||
      request->hasAttr("tpc.update"))
    return;
  ReshardPlan plan =
      llvm::cantFail(planner.plan(getShape(input), getElementBytes(input), made.front(), layout));
  auto bytes = static_cast<int64_t>(getReceivedBytes(plan));
  if (bytes == 0 || !reported.insert(getLine(request->getLoc())).second)
    return;
  emitRemark(request->getLoc(), "every user takes this value as ")
      << toDTensorString(made.front(), context.mesh) << "; not making it "
      << toDTensorString(layout, context.mesh) << " saves each rank " << bytes << " bytes";
}

/// What propagation recorded is in the locations of reshards now, and what was decided is done.
static void dropRecords(func::FuncOp function) {
  function->removeAttr(kMeetsRequests);
  for (Operation &op : function.getBody().front())
    op.removeAttr(kWhy);
  SignatureAttributes signature(function);
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    signature.removeArgument(number, kWhy);
  signature.write();
}

FailureOr<InsertedReshards> tpc::insertReshards(ModuleOp module, const MeshContext &context,
                                                ReshardPlanner &planner, bool strict) {
  FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(module);
  if (failed(functions))
    return failure();
  InsertedReshards inserted;
  llvm::DenseSet<Location> reported;
  for (func::FuncOp function : *functions) {
    bool meetsAll = strict || function->hasAttr(kMeetsRequests);
    ReshardInserter inserter(function, context, planner, meetsAll, reported);
    if (failed(inserter.run()))
      return failure();
    dropRecords(function);
    inserted.reshards += inserter.getNumReshards();
    inserted.partials += inserter.getNumPartials();
    inserted.departures += inserter.getNumDepartures();
  }
  return inserted;
}

namespace {
struct InsertReshards : tpc::impl::InsertReshardsBase<InsertReshards> {
  using InsertReshardsBase::InsertReshardsBase;

  void runOnOperation() override {
    if (policy != "optimize" && policy != "strict") {
      getOperation().emitError("policy is optimize or strict, got '") << policy << "'";
      return signalPassFailure();
    }
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    if (failed(context))
      return signalPassFailure();
    FailureOr<ReshardPlanner *> planner = getPlanner(getOperation(), *context, machine);
    if (failed(planner))
      return signalPassFailure();
    FailureOr<InsertedReshards> inserted =
        insertReshards(getOperation(), *context, **planner, policy == "strict");
    if (failed(inserted))
      return signalPassFailure();
    numReshards += inserted->reshards;
    numPartials += inserted->partials;
  }
};
} // namespace
