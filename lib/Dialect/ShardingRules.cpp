//===- ShardingRules.cpp - the factor rule of each tpc op ----------------------===//
//
// Written as einsum letters: one string per operand and result, one letter per dimension. `reduced`
// letters are reductions, `whole` letters must not be split.
//
//===----------------------------------------------------------------------===//

#include "tpc/Dialect/RuleBuilder.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

/// "abcd" of a tensor's rank, to be extended by hand.
static std::string letters(Value value, char first = 'a') {
  std::string result;
  for (int64_t i = 0, rank = cast<RankedTensorType>(value.getType()).getRank(); i < rank; ++i)
    result += static_cast<char>(first + i);
  return result;
}

//===-- identities -------------------------------------------------------------===//

static ShardingRule getIdentityRule(Operation *op) {
  std::string dims = letters(op->getOperand(0));
  return buildRule(op, {dims}, {dims}, {}, {}, {{0}});
}
ShardingRule BoundaryOp::getShardingRule() { return getIdentityRule(*this); }
ShardingRule ConstrainOp::getShardingRule() { return getIdentityRule(*this); }
ShardingRule ReshardOp::getShardingRule() { return getIdentityRule(*this); }
ShardingRule UseOp::getShardingRule() { return getIdentityRule(*this); }
ShardingRule BarrierOp::getShardingRule() { return getIdentityRule(*this); }

//===-- linear algebra ---------------------------------------------------------===//

ShardingRule ContractOp::getShardingRule() {
  std::string reduced;
  for (char letter : getLhsDims())
    if (!getResultDims().contains(letter))
      reduced += letter;
  std::string lhs = getLhsDims().str(), rhs = getRhsDims().str(), result = getResultDims().str();
  if (!getAccumulate())
    return buildRule(*this, {lhs, rhs}, {result}, reduced, {}, {{0}, {1}});
  // Were a sum split, each of its parts would be added to all of what it accumulates on.
  return buildRule(*this, {lhs, rhs, result}, {result}, {}, reduced, {{0, 2}, {1, 2}});
}

ShardingRule ReduceOp::getShardingRule() {
  std::string dims = letters(getInput()), reduced, result;
  for (auto [index, letter] : llvm::enumerate(dims))
    (llvm::is_contained(getDims(), static_cast<int64_t>(index)) ? reduced : result) += letter;
  bool linear = getKind().getValue() == ReductionKind::Sum;
  ShardingRule rule =
      buildRule(*this, {dims}, {result}, reduced, {}, linear ? LinearSets{{0}} : LinearSets{});
  for (Factor &factor : rule.factors)
    factor.reduction = getKind().getValue();
  return rule;
}

ShardingRule BroadcastOp::getShardingRule() {
  std::string dims = letters(getResult()), input;
  for (int64_t dim : getDims())
    input += dims[dim];
  return buildRule(*this, {input}, {dims}, {}, {}, {{0}});
}

ShardingRule TransposeOp::getShardingRule() {
  std::string dims = letters(getInput()), result;
  for (int64_t dim : getPermutation())
    result += dims[dim];
  return buildRule(*this, {dims}, {result}, {}, {}, {{0}});
}

//===-- embedding, normalization, rotation -------------------------------------===//

ShardingRule EmbeddingOp::getShardingRule() {
  std::string ids = letters(getIds());
  return buildRule(*this, {ids, "vk"}, {ids + "k"}, "v", {}, {{1}});
}

ShardingRule EmbeddingGradOp::getShardingRule() {
  std::string ids = letters(getIds());
  if (!getAccumulate())
    return buildRule(*this, {ids, ids + "k"}, {"vk"}, ids, {}, {{1}});
  return buildRule(*this, {ids, ids + "k", "vk"}, {"vk"}, {}, ids, {{1, getNumOperands() - 1}});
}

ShardingRule RmsNormOp::getShardingRule() {
  std::string dims = letters(getInput());
  std::string last = dims.substr(dims.size() - 1);
  ShardingRule rule = buildRule(*this, {dims, last}, {dims}, {}, last, {{1}});
  rule.zeroAtZero = true;
  return rule;
}

ShardingRule RmsNormGradOp::getShardingRule() {
  std::string dims = letters(getInput());
  std::string last = dims.substr(dims.size() - 1);
  return buildRule(*this, {dims, last, dims}, {dims, last}, {}, last, {{2}});
}

ShardingRule LayerNormOp::getShardingRule() {
  std::string dims = letters(getInput());
  std::string last = dims.substr(dims.size() - 1);
  return buildRule(*this, {dims, last, last}, {dims}, {}, last, {{1, 2}});
}

ShardingRule LayerNormGradOp::getShardingRule() {
  std::string dims = letters(getInput());
  std::string last = dims.substr(dims.size() - 1);
  return buildRule(*this, {dims, last, dims}, {dims, last, last}, {}, last, {{2}});
}

ShardingRule DropoutOp::getShardingRule() {
  std::string dims = letters(getInput());
  return buildRule(*this, {dims, ""}, {dims}, {}, {}, {{0}});
}

ShardingRule RopeTableOp::getShardingRule() {
  return buildRule(*this, {}, {"sp", "sp"}, {}, "p", {});
}

ShardingRule RopeOp::getShardingRule() {
  std::string dims = letters(getInput());
  std::string tables = dims.substr(1, 1) + "z";
  return buildRule(*this, {dims, tables, tables}, {dims}, {}, dims.substr(dims.size() - 1) + "z",
                   {{0}});
}

//===-- attention --------------------------------------------------------------===//

/// Queries see the keys, so that these are exact, unless they come after all queries, as under a
/// causal mask: there query i sees the keys up to i + t - s, so equal lengths are padded alike, and
/// unequal ones are exact.
template <typename OpType>
static ShardingRule allowPadding(OpType op, ShardingRule rule) {
  auto find = [&](StringRef name) -> Factor & {
    return *llvm::find_if(rule.factors, [&](const Factor &factor) { return factor.name == name; });
  };
  Factor &queries = find("s"), &keys = find("t");
  bool alike = op.getCausal() && queries.size == keys.size;
  keys.exact = !alike;
  queries.exact = op.getCausal() && !alike;
  if (alike)
    keys.paddedAs = &queries - rule.factors.begin();
  return rule;
}

ShardingRule AttentionOp::getShardingRule() {
  return allowPadding(
      *this, buildRule(*this, {"bshgd", "bthd", "bthd"}, {"bshgd", "bshg"}, {}, "std", {}));
}

ShardingRule AttentionGradOp::getShardingRule() {
  // d_k and d_v lack g: Partial where g is split.
  return allowPadding(*this, buildRule(*this, {"bshgd", "bthd", "bthd", "bshgd", "bshg", "bshgd"},
                                       {"bshgd", "bthd", "bthd"}, {}, "std", {}));
}

//===-- loss and optimizer -----------------------------------------------------===//

ShardingRule CrossEntropyOp::getShardingRule() {
  std::string rows = letters(getTargets());
  ShardingRule rule = buildRule(*this, {rows + "v", rows}, {rows, rows}, {}, {}, {}, "v");
  for (Factor &factor : rule.factors)
    if (factor.kind == FactorKind::Internal) {
      factor.reduction = ReductionKind::Max; // what exp makes zero
      factor.indexedBy = 1;
    }
  return rule;
}

ShardingRule CrossEntropyGradOp::getShardingRule() {
  std::string rows = letters(getTargets());
  return buildRule(*this, {rows + "v", rows, rows, rows, rows}, {rows + "v"}, {}, {}, {{3, 4}});
}

ShardingRule SumSquaresOp::getShardingRule() {
  std::string dims = letters(getInput());
  return buildRule(*this, {dims}, {""}, dims, {}, {});
}

ShardingRule AdamWOp::getShardingRule() {
  std::string dims = letters(getParam());
  ShardingRule rule = buildRule(*this, {dims, dims, dims, dims, "", "", "", "", "", "", ""},
                                {dims, dims, dims}, {}, {}, {});
  rule.zeroAtZero = true;
  return rule;
}

ShardingRule InitOp::getShardingRule() {
  ShardingRule rule = buildRule(*this, {"", ""}, {letters(getResult())}, {}, {}, {});
  rule.zeroAtZero = true;
  return rule;
}

//===-- padding ----------------------------------------------------------------===//

ShardingRule WithinOp::getShardingRule() {
  return buildRule(*this, {}, {letters(getResult())}, {}, {}, {});
}
