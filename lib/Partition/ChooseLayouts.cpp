//===- ChooseLayouts.cpp - the pass tpc-choose-layouts ---------------------------===//

#include "RegionPricer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Partition/InsertReshards.h"
#include "tpc/Partition/Passes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "tpc-choose-layouts"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_CHOOSELAYOUTS
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {
/// Two prices of the whole program.
struct ProgramPrices {
  ProgramPrice taken, left;
};

/// Regions that differ in names only, and what was priced for them.
struct RegionClass {
  std::vector<ProgramRegion> regions;
  SmallVector<RegionAlternative, 4> alternatives; ///< the plan's own first
  unsigned chosen = 0;
  /// Where the plan is kept though the region alone is cheaper otherwise: the whole program's.
  std::optional<ProgramPrices> keptInterior, keptParameters;

  const RegionAlternative &getChosen() const { return alternatives[chosen]; }
  /// Takes the alternative like the chosen one that follows the plan in one respect.
  void returnFrom(bool RegionAlternative::*departs) {
    RegionAlternative wanted = getChosen();
    wanted.*departs = false;
    chosen = find(wanted.dropsInterior, wanted.takesAlternative) - alternatives.begin();
  }
  void keepPlan() {
    chosen = 0;
    keptInterior = keptParameters = std::nullopt;
  }
  /// The alternative like the chosen one but for what is given; null if there is none.
  const RegionAlternative *find(bool dropsInterior, bool takesAlternative) const {
    for (const RegionAlternative &way : alternatives)
      if (way.dropsInterior == dropsInterior && way.takesAlternative == takesAlternative)
        return &way;
    return nullptr;
  }
};

/// Says in remarks what a class of regions does otherwise than the plan, and why.
class ChoiceReporter {
public:
  ChoiceReporter(const RegionClass &chosen, const Mesh &mesh)
      : chosen(chosen), region(chosen.regions.front()), mesh(mesh) {}

  void reportInterior();
  void reportKeptInterior();
  void reportParameters();

private:
  std::string printOthers(StringRef which) const;

  const RegionClass &chosen;
  ProgramRegion region; ///< the first of its class
  const Mesh &mesh;
};
} // namespace

//===-- remarks ----------------------------------------------------------------===//

static StringRef getParent(StringRef name) { return name.rsplit('.').first; }

static std::string print(const ProgramPrice &price) {
  return llvm::formatv("receives {0} bytes and computes {1} operations per step",
                       static_cast<int64_t>(price.receivedBytes), static_cast<int64_t>(price.flops))
      .str();
}

static ParamAttr getParam(BlockArgument argument) {
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return function.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam);
}

/// ` and 11 modules like it`, `which` being "it".
std::string ChoiceReporter::printOthers(StringRef which) const {
  size_t others = chosen.regions.size() - 1;
  return others == 0
             ? ""
             : llvm::formatv(" and {0} module{1} like {2}", others, others == 1 ? "" : "s", which)
                   .str();
}

void ChoiceReporter::reportInterior() {
  const RegionAlternative &way = chosen.getChosen();
  const RegionAlternative *kept = chosen.find(false, way.takesAlternative);
  if (!way.dropsInterior)
    return;
  ConstrainOp first = region.getInteriorRequests().front();
  InFlightDiagnostic remark = emitRemark(first.getLoc());
  remark << "'" << getParent(first.getModule().value_or("")) << "'" << printOthers("it")
         << ": the layouts asked for inside are dropped";
  if (kept && kept->price && way.price)
    remark << ", which saves each rank "
           << static_cast<int64_t>(kept->price->receivedBytes - way.price->receivedBytes) *
                  static_cast<int64_t>(chosen.regions.size())
           << " bytes per step";
  remark << "; --plan-policy=strict keeps them";
}

void ChoiceReporter::reportKeptInterior() {
  if (!chosen.keptInterior)
    return;
  ConstrainOp first = region.getInteriorRequests().front();
  emitRemark(first.getLoc()) << "'" << getParent(first.getModule().value_or("")) << "'"
                             << printOthers("it")
                             << ": the layouts asked for inside are kept, as in the whole program "
                                "each rank "
                             << print(chosen.keptInterior->taken) << ", without them it "
                             << print(chosen.keptInterior->left);
}

void ChoiceReporter::reportParameters() {
  SmallVector<BlockArgument> parameters = region.getFlexibleParameters();
  const RegionAlternative &way = chosen.getChosen();
  const RegionAlternative *other = chosen.find(way.dropsInterior, !way.takesAlternative);
  if (parameters.empty() || !other || !other->price || !way.price)
    return;
  BlockArgument first = parameters.front();
  auto function = cast<func::FuncOp>(first.getOwner()->getParentOp());
  auto describe = [&](StringRef name) {
    auto layout = function.getArgAttrOfType<LayoutAttr>(first.getArgNumber(), name);
    return toDTensorString(layout.getLayout(mesh), mesh);
  };
  std::string taken = describe(TPCDialect::kLayout), left = describe(TPCDialect::kAlternative);
  if (way.takesAlternative)
    std::swap(taken, left);
  LocationAttr line = getAnnotation(first.getLoc());
  InFlightDiagnostic remark = emitRemark(line ? Location(line) : first.getLoc());
  remark << taken << ", not " << left << ": ";
  llvm::interleave(
      parameters,
      [&](BlockArgument argument) { remark << "'" << getParam(argument).getName() << "'"; },
      [&] { remark << ", "; });
  remark << printOthers("theirs");
  if (const auto &whole = chosen.keptParameters)
    remark << ", where in the whole program each rank " << print(whole->taken) << ", otherwise it "
           << print(whole->left);
  else
    remark << ", where each rank " << print(*way.price) << ", otherwise it "
           << print(*other->price);
}

//===-- the pass ---------------------------------------------------------------===//

/// A training step has all that its loss has, and the derivatives.
static SmallVector<func::FuncOp> getPricedFunctions(ArrayRef<func::FuncOp> functions) {
  auto trains = [](func::FuncOp function) {
    return llvm::any_of(function.getBody().front(),
                        [](Operation &op) { return op.hasAttr("tpc.backward"); });
  };
  SmallVector<func::FuncOp> training = llvm::filter_to_vector(functions, trains);
  return training.empty() ? llvm::to_vector(functions) : training;
}

namespace {
struct ChooseLayouts : tpc::impl::ChooseLayoutsBase<ChooseLayouts> {
  using ChooseLayoutsBase::ChooseLayoutsBase;

  void runOnOperation() override {
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(getOperation());
    if (failed(context) || failed(functions) || failed(checkOptions()))
      return signalPassFailure();
    FailureOr<ReshardPlanner *> planner = getPlanner(getOperation(), *context, machine);
    if (failed(planner))
      return signalPassFailure();
    RegionPricer pricer(*context, **planner, {dpMode, reshardAfterForward}, machine);
    SmallVector<func::FuncOp> priced = getPricedFunctions(*functions);
    for (func::FuncOp function : priced)
      for (ProgramRegion &region : findRegions(function))
        addRegion(std::move(region), function, pricer);
    checkWhole(priced, pricer);
    apply(*functions, context->mesh);
  }

private:
  LogicalResult checkOptions() {
    if (interior != "cost" && interior != "keep" && interior != "drop")
      return getOperation().emitError("interior is cost, keep or drop, got '") << interior << "'";
    if (parameters != "cost" && parameters != "plan" && parameters != "alternative")
      return getOperation().emitError("parameters is cost, plan or alternative, got '")
             << parameters << "'";
    static constexpr StringLiteral modes[] = {"ddp", "zero1", "zero2", "fsdp"};
    if (!llvm::is_contained(modes, StringRef(dpMode)))
      return getOperation().emitError("dp-mode is ddp, zero1, zero2 or fsdp, got '")
             << dpMode << "'";
    return success();
  }

  void addRegion(ProgramRegion region, func::FuncOp function, RegionPricer &pricer) {
    RegionProgram program = extractRegion(region, function);
    auto [entry, isNew] = numberOf.try_emplace(program.text, classes.size());
    if (isNew)
      decide(classes.emplace_back(), region, program, pricer);
    classes[entry->second].regions.push_back(std::move(region));
  }

  /// Prices all that the options allow; of equals the first, nearest to the plan, is taken.
  void decide(RegionClass &decided, const ProgramRegion &region, const RegionProgram &program,
              RegionPricer &pricer) {
    bool hasInterior = !region.getInteriorRequests().empty(),
         hasParameters = !region.getFlexibleParameters().empty();
    for (bool drops : {false, true})
      for (bool takes : {false, true}) {
        if ((drops && !hasInterior) || (takes && !hasParameters))
          continue;
        RegionAlternative way{drops, takes, {}};
        way.price = pricer.price(program, way);
        decided.alternatives.push_back(way);
        numPriced += 1;
      }
    for (auto [number, way] : llvm::enumerate(decided.alternatives)) {
      const RegionAlternative &best = decided.getChosen();
      bool allowed = isAllowed(way, hasInterior, hasParameters);
      bool isBetter = !isAllowed(best, hasInterior, hasParameters) ||
                      (way.price && (!best.price || *way.price < *best.price));
      if (allowed && isBetter)
        decided.chosen = number;
    }
  }

  bool isAllowed(const RegionAlternative &way, bool hasInterior, bool hasParameters) const {
    bool fitsInterior =
        !hasInterior || interior == "cost" || way.dropsInterior == (interior == "drop");
    bool fitsParameters = !hasParameters || parameters == "cost" ||
                          way.takesAlternative == (parameters == "alternative");
    return fitsInterior && fitsParameters;
  }

  /// What the regions' choices come to.
  struct Choice {
    llvm::StringSet<> dropped, moved; ///< modules of requests, and parameters

    bool drops(ConstrainOp request) const {
      return dropped.contains(request.getModule().value_or(""));
    }
    bool takes(ParamAttr param) const { return moved.contains(param.getName()); }
  };

  Choice collect() const {
    Choice choice;
    for (const RegionClass &decided : classes)
      for (const ProgramRegion &region : decided.regions) {
        if (decided.getChosen().dropsInterior)
          for (ConstrainOp request : region.getInteriorRequests())
            choice.dropped.insert(request.getModule().value_or(""));
        if (decided.getChosen().takesAlternative)
          for (BlockArgument parameter : region.getFlexibleParameters())
            choice.moved.insert(getParam(parameter).getName());
      }
    return choice;
  }

  std::optional<ProgramPrice> priceWhole(func::FuncOp function, const Choice &choice,
                                         RegionPricer &pricer) {
    numPriced += 1;
    return pricer.price(
        function, [&](ConstrainOp request) { return choice.drops(request); },
        [&](ParamAttr param) { return choice.takes(param); });
  }

  /// Of the choices as they stand.
  std::optional<ProgramPrice> priceChosen(func::FuncOp function, RegionPricer &pricer) {
    if (!whole)
      whole = priceWhole(function, collect(), pricer);
    return whole;
  }

  /// Goes back to the plan where the regions' choices make the whole program dearer than that.
  void checkWhole(ArrayRef<func::FuncOp> functions, RegionPricer &pricer) {
    if (functions.size() != 1)
      return;
    if (parameters == "cost")
      keepPlan(functions.front(), pricer, &RegionAlternative::takesAlternative,
               &RegionClass::keptParameters);
    if (interior == "cost")
      keepPlan(functions.front(), pricer, &RegionAlternative::dropsInterior,
               &RegionClass::keptInterior);
    if (parameters == "cost" && interior == "cost")
      keepAllOfPlan(functions.front(), pricer);
  }

  /// Users choose one after the other between the layouts that a value can be had in; all taking
  /// the one asked for may still be cheaper.
  void keepAllOfPlan(func::FuncOp function, RegionPricer &pricer) {
    if (function.getOps<ConstrainOp>().empty())
      return;
    std::optional<ProgramPrice> chosen = priceChosen(function, pricer);
    if (!pricer.mayGainLiterally())
      return;
    std::optional<ProgramPrice> planned = pricer.priceLiterally(function);
    numPriced += 1;
    if (!planned || (chosen && !(*planned < *chosen)))
      return;
    if (chosen)
      literal = ProgramPrices{*planned, *chosen};
    meetsRequests = true;
    for (RegionClass &decided : classes)
      decided.keepPlan();
  }

  void keepPlan(func::FuncOp function, RegionPricer &pricer, bool RegionAlternative::*departs,
                std::optional<ProgramPrices> RegionClass::*kept) {
    std::vector<RegionClass *> changed;
    for (RegionClass &decided : classes)
      if (decided.getChosen().*departs)
        changed.push_back(&decided);
    if (changed.empty())
      return;
    std::optional<ProgramPrice> chosen = priceChosen(function, pricer);
    SmallVector<unsigned> before;
    for (RegionClass *decided : changed) {
      before.push_back(decided->chosen);
      decided->returnFrom(departs);
    }
    std::optional<ProgramPrice> planned = priceWhole(function, collect(), pricer);
    bool isPlanCheaper = planned && (!chosen || *planned < *chosen);
    whole = isPlanCheaper ? planned : chosen;
    for (auto [number, decided] : llvm::enumerate(changed))
      if (!isPlanCheaper)
        decided->chosen = before[number];
      else if (chosen)
        decided->*kept = ProgramPrices{*planned, *chosen};
  }

  void apply(ArrayRef<func::FuncOp> functions, const Mesh &mesh) {
    for (const RegionClass &decided : classes) {
      ChoiceReporter reporter(decided, mesh);
      reporter.reportInterior();
      reporter.reportKeptInterior();
      reporter.reportParameters();
      numRegions += decided.regions.size();
    }
    if (literal)
      emitRemark(func::FuncOp(functions.front()).getLoc())
          << "every layout that the plan asks for is made and used, as with --plan-policy=strict: "
             "each rank "
          << print(literal->taken) << ", otherwise it " << print(literal->left);
    Choice choice = collect();
    for (func::FuncOp function : functions) {
      if (meetsRequests)
        function->setAttr(kMeetsRequests, UnitAttr::get(&getContext()));
      numDropped += dropInterior(function, [&](ConstrainOp r) { return choice.drops(r); });
      settleParameters(function, [&](ParamAttr param) { return choice.takes(param); });
    }
  }

  std::vector<RegionClass> classes;
  llvm::StringMap<unsigned> numberOf; ///< by the text of the region as a program
  bool meetsRequests = false;         ///< nothing is chosen, the plan is taken literally
  std::optional<ProgramPrices> literal;
  std::optional<ProgramPrice> whole; ///< of the choices as they stand, once it is known
};
} // namespace
