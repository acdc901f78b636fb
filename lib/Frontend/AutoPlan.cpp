//===- AutoPlan.cpp - the standard plan, --plan=auto ---------------------------===//
//
// What Megatron-LM does (Shoeybi et al. 2019, Korthikanti et al. 2022), found in the graph:
//
// * Of two linear modules, the second of which sums over the features that the first makes, the
// first
//   is split column-wise, the second row-wise; all in between (heads of attention, a gated
//   activation) stays split. The projection whose features the loss joins, or the program returns,
//   is column-wise, too.
// * Embeddings are split by rows.
// * Outside of such pairs values are split along the sequence: norms run on shards, the sums of
//   row-wise modules are scattered, the input of column-wise modules is gathered once for all of
//   them.
//
// What the axis does not fit stays whole, with a warning. The result is the text of a plan, so it
// can be printed, edited and given back.
//
//===----------------------------------------------------------------------===//

#include "FeatureTracker.h"
#include "PlanRequests.h"
#include "PlanSource.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <set>

using namespace mlir;
using namespace tpc;

namespace {
enum class Role { Whole, Column, Row };

/// Plans one function.
class AutoPlanner {
public:
  AutoPlanner(func::FuncOp function, const PlanLayouts &layouts)
      : function(function), layouts(layouts), modules(collectModules(function)),
        parameters(function) {}

  Plan plan();

private:
  // Pairs.
  void findWeightedOps();
  void pair(StringRef column);
  bool track(const ModulePorts &ports, FeatureTracker &tracker);
  // The region between pairs.
  bool fitsSequence();
  bool isOutsidePairs(StringRef module) const { return !inside.contains(module); }
  // Styles.
  std::string getStyle(StringRef module, const ModulePorts &ports);
  std::string getColumnStyle(StringRef module, const ModulePorts &ports);
  std::string getPattern(StringRef module);
  bool haveOneStyle(StringRef pattern);
  Plan makePlan();
  BoundaryOp findGatherPoint(BoundaryOp input) const;
  bool feedsColumnsOnly(Value value) const;

  template <typename Function>
  bool succeeds(const std::string &what, Function ask);
  bool fits(StringRef module, const ModulePorts &ports, int64_t dim);
  bool fits(Placement placement, BoundaryOp boundary);
  Role getRole(StringRef module) const { return roles.lookup(module); }

  func::FuncOp function;
  const PlanLayouts &layouts;
  Modules modules;
  ParameterFinder parameters;
  DenseMap<Operation *, StringRef> weighted; ///< ops that read a module's weight
  llvm::StringMap<Role> roles;               ///< of linear modules
  DenseSet<StringRef> inside;                ///< modules between a column-wise and a row-wise one
  DenseSet<StringRef> last;                  ///< column-wise modules without a row-wise one
  std::set<std::string> leftWhole;           ///< reported
  bool splitsSequence = false;
  llvm::MapVector<StringRef, std::string> styles;
  llvm::StringMap<bool> oneStyle; ///< by pattern, of which there are as many as a layer has modules
};
} // namespace

//===-- what fits --------------------------------------------------------------===//

/// Does `ask` succeed? What does not fit is left whole, which is said once for all layers, in the
/// words of the error that it would be in a plan.
template <typename Function>
bool AutoPlanner::succeeds(const std::string &what, Function ask) {
  std::string why;
  {
    ScopedDiagnosticHandler quiet(function.getContext(), [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && why.empty())
        why = diagnostic.str();
      return success();
    });
    if (succeeded(ask()))
      return true;
  }
  if (leftWhole.insert(what).second)
    emitWarning(NameLoc::get(StringAttr::get(function.getContext(), "--plan=auto")))
        << what << " is left whole: " << why;
  return false;
}

/// Can Hugging Face's dimension `dim` of the weight be split?
bool AutoPlanner::fits(StringRef module, const ModulePorts &ports, int64_t dim) {
  BlockArgument weight = parameters.find(module, ports).weight;
  if (!weight)
    return false;
  auto type = cast<RankedTensorType>(weight.getType());
  auto param = function.getArgAttrOfType<ParamAttr>(weight.getArgNumber(), TPCDialect::kParam);
  return succeeds("'" + hideNumbers(module) + "'", [&] {
    return layouts.getParameter(dim, type, getGroups(type.getShape(), param.getShape()), module,
                                function.getLoc());
  });
}

bool AutoPlanner::fits(Placement placement, BoundaryOp boundary) {
  return succeeds("the sequence", [&] {
    return layouts.getActivation(placement, cast<RankedTensorType>(boundary.getInput().getType()),
                                 getGroups(boundary), boundary.getModule(), function.getLoc());
  });
}

//===-- pairs ------------------------------------------------------------------===//

void AutoPlanner::findWeightedOps() {
  for (const auto &[name, ports] : modules)
    for (BoundaryOp input : ports.inputs)
      for (Operation *user : input.getResult().getUsers())
        if (ports.kind == ModuleKind::Linear &&
            llvm::any_of(user->getOperands(),
                         [](Value operand) { return operand.getDefiningOp<UseOp>() != nullptr; }))
          weighted[user] = name;
}

/// Follows the output features that a column-wise split would split: of heads not the dimensions of
/// a single one.
bool AutoPlanner::track(const ModulePorts &ports, FeatureTracker &tracker) {
  if (ports.outputs.size() != 1 || ports.inputs.size() != 1)
    return false;
  BoundaryOp output = ports.outputs.front();
  DimGroups groups = getGroups(output);
  ArrayRef<int64_t> features = groups.back();
  if (features.size() > 1)
    features = features.drop_back();
  for (int64_t dim : features)
    tracker.follow(output.getResult(), dim);
  return tracker.isClear();
}

void AutoPlanner::pair(StringRef column) {
  const ModulePorts &ports = modules.find(column)->second;
  FeatureTracker tracker;
  if (getRole(column) != Role::Whole || !track(ports, tracker) || !fits(column, ports, 0))
    return;
  for (Operation *sum : tracker.getSums()) {
    StringRef row = weighted.lookup(sum);
    if (row.empty() || getRole(row) == Role::Column || !fits(row, modules.find(row)->second, 1))
      return;
  }
  roles[column] = Role::Column;
  for (Operation *sum : tracker.getSums())
    roles[weighted.lookup(sum)] = Role::Row;
  if (tracker.getSums().empty())
    last.insert(column);
  inside.insert(tracker.getModules().begin(), tracker.getModules().end());
}

//===-- between pairs ----------------------------------------------------------===//

/// The sequence is the dimension between the batch and the features.
bool AutoPlanner::fitsSequence() {
  for (const auto &[name, ports] : modules) {
    bool carries = ports.kind == ModuleKind::Embedding || getRole(name) == Role::Row ||
                   (ports.kind == ModuleKind::Norm && isOutsidePairs(name));
    for (BoundaryOp output : ports.outputs)
      if (carries && (output.getDims().size() < 3 || !fits(Placement::shard(1), output)))
        return false;
  }
  return true;
}

/// Do only column-wise modules read `value`?
bool AutoPlanner::feedsColumnsOnly(Value value) const {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<BoundaryOp>(user))
      return feedsColumnsOnly(user->getResult(0));
    auto module = weighted.find(user);
    return module != weighted.end() && getRole(module->second) == Role::Column;
  });
}

/// The outermost module whose input only column-wise modules read: one gather serves them all.
BoundaryOp AutoPlanner::findGatherPoint(BoundaryOp input) const {
  BoundaryOp point = input;
  while (auto outer = point.getInput().getDefiningOp<BoundaryOp>()) {
    if (outer.getPort() != PortKind::Input || outer.getKind() != ModuleKind::Container ||
        !feedsColumnsOnly(outer.getResult()))
      break;
    point = outer;
  }
  return point;
}

//===-- styles -----------------------------------------------------------------===//

static std::string makeCall(StringRef style, ArrayRef<StringRef> arguments) {
  return (style + "(" + llvm::join(arguments, ", ") + ")").str();
}

/// Inputs of the program are whole.
static bool isArgument(Value value) {
  while (auto boundary = value.getDefiningOp<BoundaryOp>())
    value = boundary.getInput();
  return isa<BlockArgument>(value);
}

std::string AutoPlanner::getColumnStyle(StringRef module, const ModulePorts &ports) {
  SmallVector<StringRef, 2> arguments;
  BoundaryOp input = ports.inputs.front(), point = findGatherPoint(input);
  bool gathers = splitsSequence && !isArgument(point.getInput());
  if (gathers && point == input)
    arguments.push_back("input_layouts=Shard(1)");
  else if (gathers)
    styles[point.getModule()] =
        "PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate())";
  if (last.contains(module)) // the loss is computed on the shards
    arguments.push_back("use_local_output=False");
  return makeCall("ColwiseParallel", arguments);
}

/// Empty for modules that are left as they are.
std::string AutoPlanner::getStyle(StringRef module, const ModulePorts &ports) {
  if (ports.kind == ModuleKind::Norm && splitsSequence && isOutsidePairs(module))
    return "SequenceParallel()";
  if (getRole(module) == Role::Column)
    return getColumnStyle(module, ports);
  SmallVector<StringRef, 2> arguments;
  bool isTable = ports.kind == ModuleKind::Embedding && fits(module, ports, 0);
  if (isTable)
    arguments.push_back("input_layouts=Replicate()");
  if (splitsSequence)
    arguments.push_back("output_layouts=Shard(1)");
  return isTable || getRole(module) == Role::Row ? makeCall("RowwiseParallel", arguments) : "";
}

//===-- patterns ---------------------------------------------------------------===//

/// Do all modules that match have the same style?
bool AutoPlanner::haveOneStyle(StringRef pattern) {
  auto [known, added] = oneStyle.try_emplace(pattern, true);
  if (!added)
    return known->second;
  std::optional<std::string> last;
  for (const auto &[name, ports] : modules) {
    if (!matchesModule(pattern, name))
      continue;
    std::string style = styles.lookup(name);
    known->second &= style == last.value_or(style);
    last = std::move(style);
  }
  return known->second;
}

/// `layers.*.mlp` for `layers.3.mlp` if all modules that match it have the same style.
std::string AutoPlanner::getPattern(StringRef module) {
  std::string pattern = hideNumbers(module);
  return haveOneStyle(pattern) ? pattern : module.str();
}

/// Entries by what stands before the last number, modules without one last.
Plan AutoPlanner::makePlan() {
  Plan plan, top;
  llvm::StringSet<> seen;
  Location loc = function.getLoc();
  for (const auto &[module, style] : styles) {
    std::string pattern = getPattern(module);
    if (!seen.insert(pattern).second)
      continue;
    size_t star = pattern.rfind(".*.");
    std::string prefix = star == std::string::npos ? "" : pattern.substr(0, star + 2);
    (prefix.empty() ? top : plan).rules.push_back({pattern, prefix, style, loc, loc});
  }
  llvm::append_range(plan.rules, top.rules);
  return plan;
}

Plan AutoPlanner::plan() {
  findWeightedOps();
  for (const auto &[name, ports] : modules)
    if (ports.kind == ModuleKind::Linear)
      pair(name);
  splitsSequence = fitsSequence();
  for (const auto &[name, ports] : modules) {
    std::string style = getStyle(name, ports);
    if (!style.empty())
      styles[name] = style;
  }
  return makePlan();
}

FailureOr<Plan> tpc::getAutoPlan(ModuleOp module) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("expects one tpc.mesh");
  FailureOr<PlanLayouts> layouts = PlanLayouts::create(mesh);
  if (failed(layouts))
    return failure();
  if (layouts->getTensorParallelSize() == 1)
    return Plan();
  for (auto function : module.getOps<func::FuncOp>()) {
    Plan plan = AutoPlanner(function, *layouts).plan();
    if (!plan.rules.empty()) // read back, so that a rule is located at its line of the text
      return parsePlan(printPlan(plan), "--plan=auto", module.getContext());
  }
  return Plan();
}
