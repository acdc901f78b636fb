//===- ApplyPlan.cpp - boundaries become constraints ---------------------------===//

#include "tpc/Frontend/ApplyPlan.h"
#include "KnownLayouts.h"
#include "PlanRequests.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Frontend/Passes.h"
#include "llvm/ADT/DenseSet.h"

#define DEBUG_TYPE "tpc-apply-plan"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_APPLYPLAN
#include "tpc/Frontend/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {
/// Applies a plan to one function.
class PlanApplier {
public:
  PlanApplier(func::FuncOp function, const PlanLayouts &layouts, PlanPolicy policy)
      : function(function), layouts(layouts), policy(policy), modules(collectModules(function)),
        finder(function), signature(function) {}

  void setInputLayouts();
  LogicalResult apply(const Plan &plan);
  /// Replicates the parameters that nothing has set, and removes the boundaries.
  void finish();
  unsigned getNumConstraints() const { return numConstraints; }

private:
  LogicalResult setParameterLayouts(const Assignments &assignments);
  LogicalResult setParameter(BlockArgument parameter, std::optional<int64_t> dim, StringRef module,
                             const PlanRule &rule);
  LogicalResult checkClaim(BoundaryOp boundary, const Request &request);
  bool isSettled(Value value, LayoutAttr layout);
  LogicalResult build(BoundaryOp boundary, const Request &request);
  Value constrain(Value value, LayoutAttr layout, BoundaryOp boundary, const Request &request);

  func::FuncOp function;
  const PlanLayouts &layouts;
  PlanPolicy policy;
  Modules modules;
  ParameterFinder finder;
  SignatureAttributes signature;
  KnownLayouts known;
  DenseMap<BlockArgument, const PlanRule *> setBy;
  DenseSet<const PlanRule *> warned;
  unsigned numConstraints = 0;
};
} // namespace

//===-- inputs and parameters --------------------------------------------------===//

void PlanApplier::setInputLayouts() {
  for (BlockArgument argument : function.getArguments()) {
    if (!function.getArgAttr(argument.getArgNumber(), TPCDialect::kInput) || getLayout(argument))
      continue;
    auto type = cast<RankedTensorType>(argument.getType());
    signature.setArgument(argument.getArgNumber(), TPCDialect::kLayout,
                          type.getRank() > 0 ? layouts.getBatch(type.getRank())
                                             : layouts.getReplicated(0));
  }
}

/// Splits Hugging Face's dimension `dim` of a parameter, or replicates it.
LogicalResult PlanApplier::setParameter(BlockArgument parameter, std::optional<int64_t> dim,
                                        StringRef module, const PlanRule &rule) {
  if (!parameter)
    return success();
  auto type = cast<RankedTensorType>(parameter.getType());
  unsigned number = parameter.getArgNumber();
  auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
  DimGroups groups = getGroups(type.getShape(), param.getShape());
  FailureOr<LayoutAttr> layout = layouts.getReplicated(type.getRank());
  if (dim)
    layout = layouts.getParameter(*dim, type, groups, module, rule.styleLoc);
  if (failed(layout))
    return failure();
  auto [entry, first] = setBy.try_emplace(parameter, &rule);
  if (!first && signature.getArgument(number, TPCDialect::kLayout) != *layout) {
    InFlightDiagnostic diagnostic =
        emitError(rule.keyLoc) << "'" << module << "' shares '" << param.getName()
                               << "' with another module, for which the plan splits it differently";
    diagnostic.attachNote(entry->second->keyLoc)
        << "the other rule, '" << entry->second->pattern << "'";
    return diagnostic;
  }
  signature.setArgument(number, TPCDialect::kLayout, *layout);
  parameter.setLoc(getDecisionLoc(param.getName(), rule.keyLoc));
  LayoutAttr whole = dim ? layouts.getWholeHeads(*layout, groups[*dim]) : LayoutAttr();
  if (whole && policy == PlanPolicy::Optimize)
    signature.setArgument(number, TPCDialect::kAlternative, whole);
  return success();
}

LogicalResult PlanApplier::setParameterLayouts(const Assignments &assignments) {
  for (const auto &[name, assignment] : assignments) {
    if (!assignment.split.rule)
      continue;
    const ModulePorts &ports = modules.find(name)->second;
    ModuleParameters parameters = finder.find(name, ports);
    std::optional<int64_t> dim, biasDim;
    if (assignment.split.value == ParameterSplit::Colwise)
      dim = biasDim = 0;
    else if (assignment.split.value == ParameterSplit::Rowwise)
      dim = 1;
    if (dim &&
        ports.kind ==
            ModuleKind::Embedding) // A table is [rows, columns], a linear weight [columns, rows].
      dim = 1 - *dim;
    if (failed(setParameter(parameters.weight, dim, name, *assignment.split.rule)) ||
        failed(setParameter(parameters.bias, biasDim, name, *assignment.split.rule)))
      return failure();
  }
  signature.write(); // requests are compared with what values have
  return success();
}

//===-- boundaries -------------------------------------------------------------===//

Value PlanApplier::constrain(Value value, LayoutAttr layout, BoundaryOp boundary,
                             const Request &request) {
  ++numConstraints;
  OpBuilder builder(boundary);
  Location loc = getRequestLoc(request.rule->keyLoc, boundary.getModule());
  return ConstrainOp::create(builder, loc, value, layout, request.interior,
                             boundary.getModuleAttr());
}

/// A value of known layout is no sum: nothing is Partial behind a constraint.
static bool isTrue(const Request &request, LayoutAttr producer) {
  if (!producer || !request.port.given)
    return true;
  return request.port.given->kind != Placement::Partial && producer == request.given;
}

/// PyTorch believes the layout in which a value is said to arrive.
LogicalResult PlanApplier::checkClaim(BoundaryOp boundary, const Request &request) {
  Value origin = known.getOrigin(boundary.getInput());
  LayoutAttr producer = known.get(boundary.getInput());
  if (isTrue(request, producer))
    return success();
  auto print = [&](LayoutAttr layout) {
    return toDTensorString(layout.getLayout(layouts.getMesh()), layouts.getMesh());
  };
  bool strict = policy == PlanPolicy::Strict;
  if (!strict && !warned.insert(request.rule).second)
    return success();
  InFlightDiagnostic diagnostic =
      strict ? emitError(request.rule->styleLoc) : emitWarning(request.rule->styleLoc);
  StringRef port = stringifyPortKind(boundary.getPort());
  if (request.port.isImplied)
    diagnostic << "the style takes the " << port << " of '" << boundary.getModule() << "' to be ";
  else
    diagnostic << port << "_layouts of '" << boundary.getModule() << "' is ";
  diagnostic << toString(*request.port.given);
  if (request.given)
    diagnostic << " (" << print(request.given) << ")";
  diagnostic << ", but the value arrives as " << print(producer);
  if (!strict)
    diagnostic << "; it is resharded, where PyTorch would misread it";
  else
    diagnostic << (request.port.isImplied ? ": hand it on as that" : ": say the layout it has");
  if (origin.getDefiningOp())
    diagnostic.attachNote(origin.getLoc()) << "it is handed on so here";
  return failure(strict);
}

/// Is `value` laid out so whatever propagation does? What is only known through other ops may be
/// laid out otherwise where that is cheaper, but not under the strict policy.
bool PlanApplier::isSettled(Value value, LayoutAttr layout) {
  bool isFixed = value.getDefiningOp<ConstrainOp>() || isa<BlockArgument>(value);
  return (policy == PlanPolicy::Optimize || isFixed) && known.get(value) == layout;
}

LogicalResult PlanApplier::build(BoundaryOp boundary, const Request &request) {
  Value value = boundary.getInput();
  bool isOpen = policy == PlanPolicy::Strict || !known.get(value);
  if (failed(checkClaim(boundary, request)))
    return failure();
  if (request.given && isOpen && request.given != request.wanted &&
      !isSettled(value, request.given))
    value = constrain(value, request.given, boundary, request);
  if (request.wanted && !isSettled(value, request.wanted))
    value = constrain(value, request.wanted, boundary, request);
  boundary.replaceAllUsesWith(value);
  return success();
}

LogicalResult PlanApplier::apply(const Plan &plan) {
  FailureOr<Assignments> assignments = matchPlan(plan, modules);
  if (failed(assignments) || failed(setParameterLayouts(*assignments)))
    return failure();
  FailureOr<Requests> requests = collectRequests(modules, *assignments, layouts);
  if (failed(requests))
    return failure();
  markInterior(modules, *requests);
  // In program order, so that what is known of a value counts the constraints before it.
  WalkResult result = function.walk([&](BoundaryOp boundary) {
    auto request = requests->find(boundary);
    return WalkResult(request == requests->end() ? success() : build(boundary, request->second));
  });
  return failure(result.wasInterrupted());
}

void PlanApplier::finish() {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    if (signature.getArgument(number, TPCDialect::kParam) &&
        !signature.getArgument(number, TPCDialect::kLayout))
      signature.setArgument(
          number, TPCDialect::kLayout,
          layouts.getReplicated(cast<RankedTensorType>(argument.getType()).getRank()));
  }
  signature.write();
  function.walk([](BoundaryOp boundary) {
    boundary.replaceAllUsesWith(boundary.getInput());
    boundary.erase();
  });
}

//===-- the pass ---------------------------------------------------------------===//

static LogicalResult checkAxes(MeshOp mesh, const Plan *plan, const PlanLayouts &layouts) {
  if (plan && !plan->rules.empty() && !layouts.hasTensorParallelAxis())
    return mesh.emitError("a plan acts on the mesh axis tp, which this mesh has not: add tp=1 or "
                          "more, or name the axis "
                          "with --tp-axis");
  return success();
}

FailureOr<unsigned> tpc::applyPlan(ModuleOp module, const Plan *plan, PlanPolicy policy) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("expects one tpc.mesh");
  FailureOr<PlanLayouts> layouts = PlanLayouts::create(mesh);
  if (failed(layouts) || failed(checkAxes(mesh, plan, *layouts)))
    return failure();
  unsigned constraints = 0;
  for (auto function : module.getOps<func::FuncOp>()) {
    PlanApplier applier(function, *layouts, policy);
    applier.setInputLayouts();
    if (plan && failed(applier.apply(*plan)))
      return failure();
    applier.finish();
    constraints += applier.getNumConstraints();
  }
  return constraints;
}

namespace {
struct ApplyPlan : tpc::impl::ApplyPlanBase<ApplyPlan> {
  using Base::Base;
  void runOnOperation() override {
    if (policy != "optimize" && policy != "strict") {
      getOperation().emitError("policy is optimize or strict, got '") << policy << "'";
      return signalPassFailure();
    }
    FailureOr<Plan> rules = getPlan(plan, getOperation());
    if (failed(rules))
      return signalPassFailure();
    FailureOr<unsigned> constraints = applyPlan(
        getOperation(), &*rules, policy == "strict" ? PlanPolicy::Strict : PlanPolicy::Optimize);
    if (failed(constraints))
      return signalPassFailure();
    numConstraints += *constraints;
  }
};
} // namespace
