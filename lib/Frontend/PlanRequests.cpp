//===- PlanRequests.cpp --------------------------------------------------------===//

#include "PlanRequests.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace tpc;

//===-- from rules to layouts --------------------------------------------------===//

namespace {
class Collector {
public:
  Collector(const Modules &modules, const PlanLayouts &layouts)
      : modules(modules), layouts(layouts) {}
  LogicalResult collect(StringRef module, const ModuleAssignment &assignment);
  Requests requests;

private:
  LogicalResult collect(StringRef module, ArrayRef<Assigned<PortRule>> rules,
                        ArrayRef<BoundaryOp> boundaries);
  LogicalResult checkUnbuilt(StringRef module, const Assigned<PortRule> &assigned);

  const Modules &modules;
  const PlanLayouts &layouts;
};
} // namespace

/// Inputs besides the first (rotary tables, masks) are made by every rank for itself.
LogicalResult Collector::checkUnbuilt(StringRef module, const Assigned<PortRule> &assigned) {
  for (const std::optional<Placement> &placement : {assigned.value.given, assigned.value.wanted})
    if (placement && placement->kind != Placement::Replicate)
      return emitError(assigned.rule->styleLoc)
             << "input " << assigned.value.index << " of '" << module
             << "' is made by every rank for itself and can only be Replicate(), got "
             << toString(*placement);
  return success();
}

LogicalResult Collector::collect(StringRef module, ArrayRef<Assigned<PortRule>> rules,
                                 ArrayRef<BoundaryOp> boundaries) {
  for (const Assigned<PortRule> &assigned : rules) {
    if (!assigned.rule)
      continue;
    if (assigned.value.index >= boundaries.size()) {
      if (failed(checkUnbuilt(module, assigned)))
        return failure();
      continue;
    }
    BoundaryOp boundary = boundaries[assigned.value.index];
    auto type = cast<RankedTensorType>(boundary.getInput().getType());
    DimGroups groups = getGroups(boundary);
    Request request{assigned.rule, assigned.value, {}, {}};
    for (auto [placement, layout] : {std::pair(&assigned.value.given, &request.given),
                                     std::pair(&assigned.value.wanted, &request.wanted)}) {
      if (!*placement || (*placement)->kind == Placement::Partial)
        continue;
      FailureOr<LayoutAttr> made =
          layouts.getActivation(**placement, type, groups, module, assigned.rule->styleLoc);
      if (failed(made))
        return failure();
      *layout = *made;
    }
    requests[boundary] = request;
  }
  return success();
}

LogicalResult Collector::collect(StringRef module, const ModuleAssignment &assignment) {
  const ModulePorts &ports = modules.find(module)->second;
  return success(succeeded(collect(module, assignment.inputs, ports.inputs)) &&
                 succeeded(collect(module, assignment.outputs, ports.outputs)));
}

FailureOr<Requests> tpc::collectRequests(const Modules &modules, const Assignments &assignments,
                                         const PlanLayouts &layouts) {
  Collector collector(modules, layouts);
  for (const auto &[module, assignment] : assignments)
    if (failed(collector.collect(module, assignment)))
      return failure();
  return std::move(collector.requests);
}

//===-- parameters -------------------------------------------------------------===//

ParameterFinder::ParameterFinder(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (auto param =
            function.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam))
      byName.try_emplace(param.getName(), argument);
}

/// The argument behind the `tpc.use` that an op reading `input` takes as its weight.
static BlockArgument findByUse(Value input) {
  for (Operation *user : input.getUsers())
    for (Value operand : user->getOperands())
      if (auto use = operand.getDefiningOp<UseOp>())
        return use.getParameter();
  return {};
}

ModuleParameters ParameterFinder::find(StringRef module, const ModulePorts &ports) const {
  ModuleParameters found;
  if (ports.kind == ModuleKind::Container)
    return found;
  found.weight = byName.lookup((module + ".weight").str());
  found.bias = byName.lookup((module + ".bias").str());
  if (found.weight || ports.inputs.empty())
    return found;
  BoundaryOp input = ports.inputs.front();
  found.weight = findByUse(input.getResult());
  return found;
}
