//===- InsertReshards.cpp - the pass tpc-insert-reshards ------------------------===//

#include "AdditionChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Partition/Passes.h"
#include "tpc/Partition/SplitCandidates.h"
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

/// What one op is split like, and what follows from that.
struct PricedSplit {
  OpSplit split;
  std::vector<Layout> operands, results;
  double seconds = 0;
  unsigned strayResults = 0; ///< results that do not lie as propagation wanted

  bool operator<(const PricedSplit &other) const {
    return std::tie(seconds, strayResults) < std::tie(other.seconds, other.strayResults);
  }
};

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

private:
  LogicalResult visit(Operation *op);
  FailureOr<Layout> readRequest(Value value, LayoutAttr attribute, EmitError emit);
  LogicalResult visitRequest(Operation *op, LayoutAttr layout);
  LogicalResult visitUse(UseOp op);
  LogicalResult visitReturn(Operation *op);
  LogicalResult visitCompute(Operation *op);

  FailureOr<std::vector<Layout>> readWanted(ValueRange values);
  std::vector<OpSplit> getCandidates(Operation *op, const ShardingRule &rule,
                                     ArrayRef<Layout> wanted);
  void addPassing(Operation *op, const ShardingRule &rule, SplitCandidates &candidates);
  std::optional<PricedSplit> price(Operation *op, const ShardingRule &rule, OpSplit split,
                                   ArrayRef<Layout> wanted);
  bool addOperandPrices(Operation *op, const ShardingRule &rule, PricedSplit &priced);
  bool addResultPrices(Operation *op, const ShardingRule &rule, ArrayRef<Layout> wanted,
                       PricedSplit &priced);
  double getWorkSeconds(Operation *op, const ShardingRule &rule, const PricedSplit &priced) const;
  void apply(Operation *op, const PricedSplit &chosen, ArrayRef<Layout> wanted);
  void eraseDead();
  void reportUnused(Operation *request, ReshardOp reshard);

  func::FuncOp function;
  const MeshContext &context;
  ReshardPlanner &planner;
  ValueVersions versions;
  bool strict;
  llvm::DenseSet<Location> &reported; ///< requests that were remarked on, in any function
  SmallVector<std::pair<Operation *, Value>> requests; ///< and the value in the layout asked for
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
  if (!versions.getSeconds(value, layout))
    return emit() << "cannot be made " << toDTensorString(layout, context.mesh) << ", got "
                  << toDTensorString(versions.getLayouts(value).front(), context.mesh);
  return layout;
}

/// A request is met where it stands. Unless all must follow it, whoever uses the value may use it
/// in any layout.
LogicalResult ReshardInserter::visitRequest(Operation *op, LayoutAttr attribute) {
  Value input = op->getOperand(0);
  FailureOr<Layout> layout = readRequest(input, attribute, [&] { return op->emitOpError(); });
  if (failed(layout))
    return failure();
  Value made = versions.get(input, *layout, op);
  if (strict)
    versions.define(op->getResult(0), made, *layout);
  else
    versions.defineAlias(op->getResult(0), input);
  requests.push_back({op, made});
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

LogicalResult ReshardInserter::visitCompute(Operation *op) {
  FailureOr<std::vector<Layout>> wanted = readWanted(op->getResults());
  if (failed(wanted))
    return failure();
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface && llvm::none_of(op->getOperands(), isTensor) &&
      llvm::none_of(op->getResults(), isTensor))
    return success();
  if (!interface)
    return op->emitOpError("has no sharding rule");
  ShardingRule rule = interface.getShardingRule();
  std::optional<PricedSplit> best;
  for (OpSplit &split : getCandidates(op, rule, *wanted)) {
    std::optional<PricedSplit> priced = price(op, rule, std::move(split), *wanted);
    if (priced && (!best || *priced < *best))
      best = std::move(priced);
  }
  if (!best)
    return op->emitOpError("cannot be split to fit its rule ") << rule.str();
  apply(op, *best, *wanted);
  return success();
}

//===----------------------------------------------------------------------===//
// Candidates and prices
//===----------------------------------------------------------------------===//

std::vector<OpSplit> ReshardInserter::getCandidates(Operation *op, const ShardingRule &rule,
                                                    ArrayRef<Layout> wanted) {
  SplitCandidates candidates(rule, context.mesh);
  for (auto [number, layout] : llvm::enumerate(wanted))
    candidates.addLayout(rule.results[number], layout);
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (!isTensor(operand))
      continue;
    candidates.addLayout(rule.operands[number], versions.getWanted(operand));
    for (const Layout &layout : versions.getLayouts(operand))
      candidates.addLayout(rule.operands[number], layout);
  }
  addPassing(op, rule, candidates);
  return candidates.enumerate();
}

void ReshardInserter::addPassing(Operation *op, const ShardingRule &rule,
                                 SplitCandidates &candidates) {
  auto isPartialOver = [&](Value operand, const AxisRef &axis) {
    Layout zeros = Layout::replicated(getShape(operand).size());
    zeros.partial = {axis};
    return llvm::is_contained(versions.getPassingAxes(operand), axis) ||
           versions.isFree(operand, zeros);
  };
  for (auto [number, set] : llvm::enumerate(rule.linearSets)) {
    AxisList axes;
    for (unsigned member : set)
      for (const AxisRef &axis : versions.getPassingAxes(op->getOperand(member)))
        if (!llvm::is_contained(axes, axis))
          axes.push_back(axis);
    for (const AxisRef &axis : axes)
      if (llvm::all_of(
              set, [&](unsigned member) { return isPartialOver(op->getOperand(member), axis); }))
        candidates.addPassing(number, axis);
  }
}

std::optional<PricedSplit> ReshardInserter::price(Operation *op, const ShardingRule &rule,
                                                  OpSplit split, ArrayRef<Layout> wanted) {
  PricedSplit priced;
  priced.split = std::move(split);
  if (!addOperandPrices(op, rule, priced) || !addResultPrices(op, rule, wanted, priced))
    return std::nullopt;
  priced.seconds += getWorkSeconds(op, rule, priced);
  return priced;
}

bool ReshardInserter::addOperandPrices(Operation *op, const ShardingRule &rule,
                                       PricedSplit &priced) {
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    std::optional<Layout> layout = getOperandLayout(rule, priced.split, number, context.mesh);
    if (!layout)
      return false;
    std::optional<double> seconds = versions.getSeconds(operand, *layout);
    if (!seconds)
      return false;
    bool known = false; // the same value in the same layout is made once
    for (unsigned other = 0; other < number; ++other)
      known |= op->getOperand(other) == operand && priced.operands[other] == *layout;
    priced.seconds += known ? 0 : *seconds;
    priced.operands.push_back(std::move(*layout));
  }
  return true;
}

/// What is Partial because operands were is not paid for here: it will be reduced once, with what
/// it is added to.
bool ReshardInserter::addResultPrices(Operation *op, const ShardingRule &rule,
                                      ArrayRef<Layout> wanted, PricedSplit &priced) {
  AxisList passing;
  for (const AxisList &axes : priced.split.passing)
    passing.append(axes);
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    std::optional<Layout> layout = getResultLayout(rule, priced.split, number, context.mesh);
    if (!layout)
      return false;
    priced.strayResults += *layout != wanted[number];
    Layout from = *layout, to = wanted[number];
    from.dropAxes(passing);
    to.dropAxes(passing);
    priced.results.push_back(std::move(*layout));
    if (!isTensor(result) || result.use_empty())
      continue;
    llvm::Expected<ReshardPlan> plan =
        planner.plan(getShape(result), getElementBytes(result), from, to);
    if (!plan) {
      llvm::consumeError(plan.takeError());
      return false;
    }
    priced.seconds += tpc::getSeconds(*plan);
  }
  return true;
}

/// The arithmetic of the op on one rank, with the collectives inside it: an Internal factor is
/// joined by two all-reduces of the results. (Memory traffic is not counted: elementwise ops will
/// be fused into their neighbours.)
double ReshardInserter::getWorkSeconds(Operation *op, const ShardingRule &rule,
                                       const PricedSplit &priced) const {
  double parts = 1, joins = 0, resultBytes = 0;
  for (auto [number, result] : llvm::enumerate(op->getResults()))
    if (isTensor(result))
      resultBytes +=
          static_cast<double>(getBytes(getLocalType(result.getType(), priced.results[number])));
  for (auto [factor, axes] : llvm::zip_equal(rule.factors, priced.split.factors)) {
    parts *= static_cast<double>(getSize(axes));
    if (factor.kind == FactorKind::Internal)
      joins += 2 * planner.getCostModel().getSeconds(CollectiveKind::AllReduce, axes, resultBytes);
  }
  auto cost = dyn_cast<CostOpInterface>(op);
  double flops = cost ? static_cast<double>(cost.getFlops()) / parts : 0;
  return joins + planner.getCostModel().getComputeSeconds(flops, 0);
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

/// What nobody took, and constants that were cloned, go.
void ReshardInserter::eraseDead() {
  for (auto &[op, made] : requests)
    if (auto reshard = made.getDefiningOp<ReshardOp>(); reshard && reshard->use_empty())
      reportUnused(op, reshard);
  for (auto &[op, made] : llvm::reverse(requests))
    op->erase();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isa<ReshardOp, arith::ConstantOp>(op) && op.use_empty())
      op.erase();
}

/// A layout that was asked for in the forward program, costs traffic, and is of use to nobody.
void ReshardInserter::reportUnused(Operation *request, ReshardOp reshard) {
  Value input = reshard.getInput();
  Layout from = getNormalized(getLayout(input).getLayout(context.mesh), context.mesh);
  Layout to = reshard.getLayout().getLayout(context.mesh);
  ReshardPlan plan =
      llvm::cantFail(planner.plan(getShape(input), getElementBytes(input), from, to));
  auto bytes = static_cast<int64_t>(getReceivedBytes(plan));
  if (bytes == 0 || request->hasAttr("tpc.backward") || request->hasAttr("tpc.update") ||
      !reported.insert(request->getLoc()).second)
    return;
  emitRemark(request->getLoc(), "every user takes this value as ")
      << toDTensorString(from, context.mesh) << "; not making it "
      << toDTensorString(to, context.mesh) << " saves each rank " << bytes << " bytes";
}

namespace {
struct InsertReshards : tpc::impl::InsertReshardsBase<InsertReshards> {
  using InsertReshardsBase::InsertReshardsBase;

  void runOnOperation() override {
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(getOperation());
    if (failed(context) || failed(functions))
      return signalPassFailure();
    if (policy != "optimize" && policy != "strict") {
      getOperation().emitError("policy is optimize or strict, got '") << policy << "'";
      return signalPassFailure();
    }
    FailureOr<ReshardPlanner> planner = makePlanner(getOperation(), *context, machine);
    if (failed(planner))
      return signalPassFailure();
    llvm::DenseSet<Location> reported;
    for (func::FuncOp function : *functions) {
      ReshardInserter inserter(function, *context, *planner, policy == "strict", reported);
      if (failed(inserter.run()))
        return signalPassFailure();
      numReshards += inserter.getNumReshards();
      numPartials += inserter.getNumPartials();
    }
  }
};
} // namespace
