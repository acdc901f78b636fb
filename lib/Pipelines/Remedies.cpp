//===- Remedies.cpp - which change of a plan removes a collective --------------===//
//
// Not guessed but tried: each change of one rule (left out, an argument left out or replaced) is
// partitioned on a model with one layer. A change removes a kind of collective (op, module with
// layers folded, phase) if the program then has fewer of it, and fewer collectives or less traffic
// in all: else the collective has only moved. Among the changes of rules in a collective's chain
// the one with the least traffic is told.
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

/// More changes than these are not tried.
static constexpr size_t kMaxTrials = 100;

namespace {
/// How many collectives of each kind a program has, and their traffic.
struct Census {
  explicit Census(const Report &report);
  llvm::StringMap<int64_t> counts;
  int64_t collectives = 0, bytes = 0;
};

struct Trial {
  const PlanRule *rule;
  std::string style; ///< empty: without the rule
  Census census;
};
} // namespace

static std::string getKind(const CollectiveReport &collective) {
  return collective.op + " " + foldLayers(collective.module) + " " +
         stringify(collective.phase).str();
}

Census::Census(const Report &report) {
  for (const CollectiveReport &collective : report.collectives) {
    ++counts[getKind(collective)];
    ++collectives;
    bytes += getSum(collective.bytes);
  }
}

//===-- trying -----------------------------------------------------------------===//

/// The census of the one-layer model under `plan`; nothing if that is an error.
static std::optional<Census> tryPlan(const Plan &plan, CompileOptions options,
                                     const MachineModel &machine, MLIRContext *context) {
  SmallString<128> path;
  int descriptor = 0;
  if (llvm::sys::fs::createTemporaryFile("tpc-plan", "yaml", descriptor, path))
    return std::nullopt;
  llvm::FileRemover remover(path);
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << printPlan(plan);
  options.plan = path.str().str();
  std::optional<Report> report = tryReportOn(options, machine, context, /*layers=*/1);
  return report ? std::optional<Census>(Census(*report)) : std::nullopt;
}

static std::vector<Trial> tryAll(const Plan &plan, const CompileOptions &options,
                                 const MachineModel &machine, MLIRContext *context) {
  std::vector<Trial> trials;
  auto attempt = [&](const Plan &changed, const PlanRule &rule, StringRef style) {
    if (trials.size() < kMaxTrials)
      if (std::optional<Census> census = tryPlan(changed, options, machine, context))
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
  std::string kind = getKind(collective);
  for (const Trial &trial : trials)
    if (isInChain(*trial.rule, collective) &&
        trial.census.counts.lookup(kind) < base.counts.lookup(kind) &&
        (trial.census.collectives < base.collectives || trial.census.bytes < base.bytes) &&
        (!best || trial.census.bytes < best->census.bytes))
      best = &trial;
  return best;
}

void tpc::findRemedies(Report &report, const CompileOptions &options, const MachineModel &machine,
                       MLIRContext *context) {
  RemarkCollector silence(context, /*silent=*/true);
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  FailureOr<Plan> plan = module ? getPlan(options.plan, *module) : FailureOr<Plan>(failure());
  if (failed(plan) || plan->rules.empty())
    return;
  std::optional<Census> base = tryPlan(*plan, options, machine, context);
  if (!base)
    return;
  std::vector<Trial> trials = tryAll(*plan, options, machine, context);
  for (CollectiveReport &collective : report.collectives)
    if (const Trial *trial = choose(collective, *base, trials))
      collective.remedy = Remedy{getPlace(trial->rule->keyLoc), trial->rule->pattern, trial->style,
                                 trial->census.bytes - base->bytes};
}
