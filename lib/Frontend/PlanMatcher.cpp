//===- PlanMatcher.cpp ---------------------------------------------------------===//

#include "PlanMatcher.h"
#include "EditDistance.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include <set>

using namespace mlir;
using namespace tpc;

Modules tpc::collectModules(func::FuncOp function) {
  Modules modules;
  function.walk([&](BoundaryOp op) {
    auto [entry, inserted] = modules.insert({op.getModule(), {op.getKind(), {}, {}}});
    auto &ports = op.getPort() == PortKind::Input ? entry->second.inputs : entry->second.outputs;
    ports.push_back(op);
  });
  return modules;
}

//===-- patterns ---------------------------------------------------------------===//

/// `base_model.` is the tutorial's name for Hugging Face's `model.`.
static std::string canonicalize(StringRef pattern) {
  auto [first, rest] = pattern.split('.');
  if (first != "base_model")
    return pattern.str();
  return rest.empty() ? "model" : ("model." + rest).str();
}

/// fnmatch per path component.
static bool matchesPath(ArrayRef<StringRef> pattern, ArrayRef<StringRef> name) {
  if (pattern.size() != name.size())
    return false;
  return llvm::all_of(llvm::zip_equal(pattern, name), [](auto pair) {
    auto glob = llvm::GlobPattern::create(std::get<0>(pair));
    if (!glob) {
      llvm::consumeError(glob.takeError());
      return std::get<0>(pair) == std::get<1>(pair);
    }
    return glob->match(std::get<1>(pair));
  });
}

bool tpc::matchesModule(StringRef pattern, StringRef module) {
  SmallVector<StringRef> parts, names;
  pattern.split(parts, '.');
  module.split(names, '.');
  return matchesPath(parts, names) || (!names.empty() && names.front() == "model" &&
                                       matchesPath(parts, ArrayRef(names).drop_front()));
}

std::string tpc::hideNumbers(StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  for (StringRef &part : parts)
    if (llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

/// Names as the plan would write them: same prefix as `pattern`, layers as `*` if it has patterns.
static std::string getSuggestion(const PlanRule &rule, const Modules &modules) {
  llvm::StringSet<> candidates, full;
  StringRef pattern = rule.pattern;
  for (const auto &[name, ports] : modules) {
    std::string candidate = rule.isExact() ? name.str() : hideNumbers(name);
    if (pattern.starts_with("base_model") && StringRef(candidate).starts_with("model"))
      candidate = "base_" + candidate;
    else if (!pattern.starts_with("model") && StringRef(candidate).starts_with("model."))
      candidate = candidate.substr(6);
    full.insert(candidate);
    std::string before = rule.prefix.empty() ? "" : hideNumbers(rule.prefix) + ".";
    if (!rule.prefix.empty() && StringRef(candidate).starts_with(before))
      candidates.insert(candidate.substr(before.size()));
  }
  StringRef key = pattern;
  if (candidates.empty()) // no `apply_to`, or one that matches nothing itself
    std::swap(candidates, full);
  else
    key = pattern.drop_front(std::min(pattern.size(), rule.prefix.size() + 1));
  std::vector<StringRef> sorted(candidates.keys().begin(), candidates.keys().end());
  llvm::sort(sorted);
  return suggest(key, sorted);
}

//===-- assignment -------------------------------------------------------------===//

namespace {
class Matcher {
public:
  Matcher(const Plan &plan, const Modules &modules) : plan(plan), modules(modules) {}
  FailureOr<Assignments> run();

private:
  void matchRule(const PlanRule &rule);
  void assign(const PlanRule &rule, StringRef module, const ModuleStyle &style);
  /// Lets `value` take the slot unless a rule of the same or higher specificity holds it.
  template <typename T>
  void take(Assigned<T> &slot, const PlanRule &rule, const T &value, const Twine &what,
            StringRef module);

  const Plan &plan;
  const Modules &modules;
  Assignments assignments;
  std::set<std::pair<const PlanRule *, const PlanRule *>> conflicts; ///< reported
  bool hasFailed = false;
};
} // namespace

template <typename T>
void Matcher::take(Assigned<T> &slot, const PlanRule &rule, const T &value, const Twine &what,
                   StringRef module) {
  if (slot.rule && slot.rule->isExact() == rule.isExact()) {
    hasFailed = true;
    if (!conflicts.insert({&rule, slot.rule}).second)
      return; // said for another module
    InFlightDiagnostic diagnostic = emitError(rule.keyLoc)
                                    << "'" << rule.pattern << "' sets " << what << " of '" << module
                                    << "', which another rule of equal specificity sets too";
    diagnostic.attachNote(slot.rule->keyLoc) << "the other rule, '" << slot.rule->pattern << "'";
    return;
  }
  if (!slot.rule)
    slot = {&rule, value};
}

void Matcher::assign(const PlanRule &rule, StringRef module, const ModuleStyle &style) {
  ModuleAssignment &assignment = assignments[module];
  if (style.split != ParameterSplit::Untouched)
    take(assignment.split, rule, style.split, "the parameters", module);
  auto takePorts = [&](ArrayRef<PortRule> ports, SmallVectorImpl<Assigned<PortRule>> &slots,
                       StringRef what) {
    for (const PortRule &port : ports) {
      if (!port.given && !port.wanted)
        continue;
      if (slots.size() <= port.index)
        slots.resize(port.index + 1);
      take(slots[port.index], rule, port, what + " " + Twine(port.index), module);
    }
  };
  takePorts(style.inputs, assignment.inputs, "input");
  takePorts(style.outputs, assignment.outputs, "output");
}

bool tpc::matchesRule(const PlanRule &rule, StringRef module) {
  return matchesModule(canonicalize(rule.pattern), module);
}

void Matcher::matchRule(const PlanRule &rule) {
  std::string pattern = canonicalize(rule.pattern);
  bool matched = false;
  for (const auto &[name, ports] : modules) {
    if (!matchesModule(pattern, name))
      continue;
    matched = true;
    FailureOr<ModuleStyle> style = resolveStyle(rule, name, ports.kind);
    if (failed(style)) {
      hasFailed = true;
      return; // The same message would follow for every other module.
    }
    assign(rule, name, *style);
  }
  if (matched)
    return;
  hasFailed = true;
  emitError(rule.keyLoc) << "'" << rule.pattern << "' matches no module"
                         << getSuggestion(rule, modules);
}

FailureOr<Assignments> Matcher::run() {
  // Exact keys first: patterns then leave alone what those have set, and are not in conflict there.
  for (bool exact : {true, false})
    for (const PlanRule &rule : plan.rules)
      if (rule.isExact() == exact)
        matchRule(rule);
  return hasFailed ? FailureOr<Assignments>(failure()) : std::move(assignments);
}

FailureOr<Assignments> tpc::matchPlan(const Plan &plan, const Modules &modules) {
  return Matcher(plan, modules).run();
}
