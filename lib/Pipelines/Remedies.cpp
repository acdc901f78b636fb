//===- Remedies.cpp - which change of a plan removes a collective --------------===//
//
// Not guessed but tried: each change of one rule (left out, an argument left out or replaced) is
// partitioned on a model with one layer, or with as few as have all that the plan names. A change
// removes a collective if the program then has fewer like it, and fewer collectives or less traffic
// in all: else it has only moved. Among the changes of rules in a collective's chain the one with
// the least traffic is told.
//
//===----------------------------------------------------------------------===//

#include "Partition.h"
#include "tpc/Explain/FoldLayers.h"
#include "tpc/Frontend/PlanEdits.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

using namespace mlir;
using namespace tpc;

/// Changes are tried as long as the layers of all trials are no more than these.
static constexpr int64_t kMaxLayersTried = 100;

namespace {
/// How many collectives of each kind a program has, and their traffic.
struct Census {
  explicit Census(const Report &report);
  /// Neither is there such a collective elsewhere instead, nor was `collective` only renamed.
  bool hasFewerThan(const Census &base, const CollectiveReport &collective) const;

  llvm::StringMap<int64_t> counts; ///< by getKind and by getPlacedKind
  int64_t collectives = 0;
  BytesByKind bytes{};
};

struct Trial {
  const PlanRule *rule;
  std::string style; ///< empty: without the rule
  Census census;
};

/// The program that changes are tried on.
struct Trials {
  const CompileOptions &options;
  const MachineModel &machine;
  MLIRContext *context;
  int64_t layers = 1;
  size_t untried = 0;

  std::optional<Census> tryPlan(const Plan &plan) const;
  std::optional<Census> findBase(const Plan &plan);
  std::vector<Trial> tryAll(const Plan &plan);
};
} // namespace

/// What is alike wherever it stands. How much travels together of gradients depends on the number
/// of layers.
static std::string getKind(const CollectiveReport &collective) {
  std::string kind = collective.op + " " + stringify(collective.kind).str();
  if (collective.kind == TrafficKind::Activation)
    kind += " " + std::to_string(collective.elements);
  return kind;
}

static std::string getPlacedKind(const CollectiveReport &collective) {
  return getKind(collective) + " " + foldLayers(collective.module);
}

Census::Census(const Report &report) {
  for (const CollectiveReport &collective : report.collectives) {
    ++counts[getKind(collective)];
    ++counts[getPlacedKind(collective)];
    ++collectives;
  }
  bytes = report.getTotals().bytes;
}

bool Census::hasFewerThan(const Census &base, const CollectiveReport &collective) const {
  std::string placed = getPlacedKind(collective), kind = getKind(collective);
  auto number = static_cast<unsigned>(collective.kind);
  bool less = collective.kind == TrafficKind::Activation
                  ? counts.lookup(kind) < base.counts.lookup(kind)
                  : bytes[number] < base.bytes[number];
  return less && counts.lookup(placed) < base.counts.lookup(placed) &&
         (collectives < base.collectives || getSum(bytes) < getSum(base.bytes));
}

//===-- trying -----------------------------------------------------------------===//

/// The census of the small model under `plan`; nothing if that is an error.
std::optional<Census> Trials::tryPlan(const Plan &plan) const {
  SmallString<128> path;
  int descriptor = 0;
  if (llvm::sys::fs::createTemporaryFile("tpc-plan", "yaml", descriptor, path))
    return std::nullopt;
  llvm::FileRemover remover(path);
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << printPlan(plan);
  CompileOptions changed = options;
  changed.plan = path.str().str();
  std::optional<Report> report = tryReportOn(changed, machine, context, layers);
  return report ? std::optional<Census>(Census(*report)) : std::nullopt;
}

/// A plan that names layer 5 is an error for a model of one layer.
std::optional<Census> Trials::findBase(const Plan &plan) {
  for (; layers <= kMaxLayersTried; layers *= 2)
    if (std::optional<Census> base = tryPlan(plan))
      return base;
  return std::nullopt;
}

std::vector<Trial> Trials::tryAll(const Plan &plan) {
  std::vector<Trial> trials;
  int64_t layersTried = 0;
  auto attempt = [&](const Plan &changed, const PlanRule &rule, StringRef style) {
    if ((layersTried += layers) > kMaxLayersTried)
      ++untried;
    else if (std::optional<Census> census = tryPlan(changed))
      trials.push_back({&rule, style.str(), std::move(*census)});
  };
  for (size_t number = 0; number < plan.rules.size(); ++number) {
    const PlanRule &rule = plan.rules[number];
    Plan changed = plan;
    for (const std::string &style : getNearbyStyles(rule.style, context)) {
      changed.rules[number].style = style;
      attempt(changed, rule, style);
    }
    changed.rules.erase(changed.rules.begin() + static_cast<ptrdiff_t>(number));
    attempt(changed, rule, "");
  }
  return trials;
}

//===-- choosing ---------------------------------------------------------------===//

/// The rule's line is in the chain.
static bool isInChain(const PlanRule &rule, const CollectiveReport &collective) {
  return isa<FileLineColRange>(rule.keyLoc) &&
         llvm::any_of(collective.why,
                      [&](const ChainLink &link) { return link.place == getPlace(rule.keyLoc); });
}

static const Trial *choose(const CollectiveReport &collective, const Census &base,
                           ArrayRef<Trial> trials) {
  const Trial *best = nullptr;
  for (const Trial &trial : trials)
    if (isInChain(*trial.rule, collective) && trial.census.hasFewerThan(base, collective) &&
        (!best || getSum(trial.census.bytes) < getSum(best->census.bytes)))
      best = &trial;
  return best;
}

static void addRemark(Explanation &explanation, const CompileOptions &options, const Twine &text) {
  explanation.remarks.push_back({options.plan, "remark", text.str()});
}

void tpc::findRemedies(Explanation &explanation, const CompileOptions &options,
                       const MachineModel &machine, MLIRContext *context) {
  RemarkCollector silence(context, /*silent=*/true);
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  FailureOr<Plan> plan = module ? getPlan(options.plan, *module) : FailureOr<Plan>(failure());
  if (failed(plan) || plan->rules.empty())
    return;
  Trials attempts{options, machine, context};
  std::optional<Census> base = attempts.findBase(*plan);
  if (!base)
    return addRemark(explanation, options,
                     "no changes of the plan were tried: it names layers beyond the first " +
                         Twine(kMaxLayersTried));
  std::vector<Trial> trials = attempts.tryAll(*plan);
  if (attempts.untried)
    addRemark(explanation, options,
              "the last " + Twine(attempts.untried) +
                  " changes of single rules were not tried, a collective may have a remedy among "
                  "them");
  for (CollectiveReport &collective : explanation.report.collectives)
    if (const Trial *trial = choose(collective, *base, trials))
      collective.remedy = Remedy{getPlace(trial->rule->keyLoc), trial->rule->pattern, trial->style,
                                 getSum(trial->census.bytes) - getSum(base->bytes)};
}
