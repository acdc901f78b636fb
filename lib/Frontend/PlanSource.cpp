//===- PlanSource.cpp - what --plan=NAME means, and plans as text --------------===//

#include "PlanSource.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tpc;

FailureOr<Plan> tpc::getPlan(StringRef name, ModuleOp module) {
  if (name == "none")
    return Plan();
  if (name == "hf")
    return getHuggingFacePlan(module);
  if (name == "auto")
    return getAutoPlan(module);
  return loadPlan(name, module.getContext());
}

//===-- text -------------------------------------------------------------------===//

/// A YAML scalar: plain where it reads back as the same string, else quoted.
static void printScalar(StringRef text, llvm::raw_ostream &os) {
  bool plain = !text.empty() && (llvm::isAlnum(text.front()) || text.front() == '_') &&
               !text.contains(": ") && !text.contains(" #") && !text.ends_with(":");
  if (plain) {
    os << text;
    return;
  }
  os << "'";
  for (char character : text)
    os << (character == '\'' ? "''" : StringRef(&character, 1));
  os << "'";
}

static void printEntry(StringRef applyTo, ArrayRef<const PlanRule *> rules, llvm::raw_ostream &os) {
  os << "- ";
  if (!applyTo.empty()) {
    os << "apply_to: ";
    printScalar(applyTo, os);
    os << "\n  ";
  }
  os << "plan:\n";
  for (const PlanRule *rule : rules) {
    StringRef key = rule->pattern;
    if (!applyTo.empty()) // an empty key is the module itself
      key = key.drop_front(std::min(key.size(), applyTo.size() + 1));
    os << "    ";
    printScalar(key, os);
    os << ": ";
    printScalar(rule->style, os);
    os << "\n";
  }
}

std::string tpc::printPlan(const Plan &plan) {
  llvm::MapVector<StringRef, SmallVector<const PlanRule *>> entries;
  for (const PlanRule &rule : plan.rules)
    entries[rule.prefix].push_back(&rule);
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const auto &[applyTo, rules] : entries)
    printEntry(applyTo, rules, os);
  return entries.empty() ? "[]\n" : text;
}
