//===- RuleBuilder.cpp - sharding rules from einsum letters --------------------===//

#include "tpc/Dialect/RuleBuilder.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tpc;

namespace {
/// Collects the factors of one rule.
struct FactorTable {
  ShardingRule rule;
  llvm::StringMap<unsigned> factors;
  StringRef reduced, whole, internal;

  void declare(StringRef letter, int64_t size) {
    auto [entry, inserted] = factors.try_emplace(letter, rule.factors.size());
    if (!inserted) {
      Factor &factor = rule.factors[entry->second];
      factor.size = std::max(factor.size, size);
      return;
    }
    FactorKind kind = reduced.contains(letter)    ? FactorKind::Reduction
                      : whole.contains(letter)    ? FactorKind::NeedReplication
                      : internal.contains(letter) ? FactorKind::Internal
                                                  : FactorKind::PassThrough;
    bool exact = kind == FactorKind::NeedReplication;
    rule.factors.push_back({size, kind, ReductionKind::Sum, letter.str(), exact});
  }

  TensorMapping map(StringRef letters, ArrayRef<int64_t> shape) {
    TensorMapping mapping;
    for (size_t dim = 0; dim < letters.size(); ++dim) {
      unsigned factor = factors.lookup(letters.substr(dim, 1));
      mapping.emplace_back();
      if (shape[dim] == rule.factors[factor].size)
        mapping.back().push_back(factor);
    }
    return mapping;
  }
};
} // namespace

static ArrayRef<int64_t> getShape(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

ShardingRule tpc::buildRule(Operation *op, ArrayRef<std::string> operands,
                            ArrayRef<std::string> results, StringRef reduced, StringRef whole,
                            const LinearSets &linearSets, StringRef internal) {
  FactorTable table{{}, {}, reduced, whole, internal};
  auto forEach = [&](auto values, ArrayRef<std::string> texts, auto visit) {
    size_t next = 0;
    for (Value value : values)
      visit(isa<RankedTensorType>(value.getType()) ? StringRef(texts[next++]) : StringRef(),
            getShape(value));
  };
  auto declare = [&](StringRef letters, ArrayRef<int64_t> shape) {
    for (size_t dim = 0; dim < letters.size(); ++dim)
      table.declare(letters.substr(dim, 1), shape[dim]);
  };
  forEach(op->getOperands(), operands, declare);
  forEach(op->getResults(), results, declare);
  forEach(op->getOperands(), operands, [&](StringRef letters, ArrayRef<int64_t> shape) {
    table.rule.operands.push_back(table.map(letters, shape));
  });
  forEach(op->getResults(), results, [&](StringRef letters, ArrayRef<int64_t> shape) {
    table.rule.results.push_back(table.map(letters, shape));
  });
  table.rule.linearSets = linearSets;
  return table.rule;
}
