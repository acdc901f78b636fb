//===- PrintShardingRules.cpp - the pass tpc-print-sharding-rules ------------===//

#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Propagation/Passes.h"
#include "tpc/Propagation/RuleReader.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

#define DEBUG_TYPE "tpc-print-sharding-rules"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_PRINTSHARDINGRULES
#include "tpc/Propagation/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// The rule, the factors that the op joins itself, the sets of operands in which it is linear.
static std::string describe(const ShardingRule &rule) {
  std::string text = rule.str();
  llvm::raw_string_ostream os(text);
  llvm::SmallVector<StringRef> joined;
  for (const Factor &factor : rule.factors)
    if (factor.kind == FactorKind::Internal)
      joined.push_back(factor.name);
  if (!joined.empty())
    os << " join {" << llvm::join(joined, ", ") << "}";
  if (!rule.linearSets.empty())
    os << " linear in";
  for (const auto &set : rule.linearSets) {
    os << " {";
    llvm::interleaveComma(set, os);
    os << "}";
  }
  return text;
}

namespace {
struct PrintShardingRules : tpc::impl::PrintShardingRulesBase<PrintShardingRules> {
  void runOnOperation() override {
    std::multimap<StringRef, std::string> lines;
    WalkResult walked = getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      bool hasRule = isa<ShardingRuleOpInterface>(op);
      if (!hasRule && (op->hasTrait<OpTrait::IsTerminator>() || !handlesTensors(op)))
        return WalkResult::advance();
      FailureOr<ShardingRule> rule = readShardingRule(op);
      if (failed(rule))
        return WalkResult::interrupt();
      lines.emplace(op->getName().getStringRef(), describe(*rule));
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    for (RegisteredOperationName name : getContext().getRegisteredOperations())
      if (name.hasInterface<ShardingRuleOpInterface>() && !lines.count(name.getStringRef()))
        lines.emplace(name.getStringRef(), "has a rule, but the module has no such op");
    for (const auto &[name, text] : lines)
      llvm::outs() << name << ": " << text << "\n";
    markAllAnalysesPreserved();
  }
};
} // namespace
