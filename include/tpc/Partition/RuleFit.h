//===- RuleFit.h - do the layouts around an op fit its rule? -----------------===//
//
// Operands and results of an op must split every factor alike; then each rank runs the same op on
// its shards. What the results are Partial over follows: the axes of factors that a result lacks,
// and those over which all operands of a linear set are Partial.
//
//   contract [b, s, k], [n, k] -> [b, s, n]; operands [{}, {}, {"tp"}], [{}, {"tp"}]: fits, result
//   Partial over tp the same with the second operand [{}, {}]: operand 1 must be [{}, {"tp"}]
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PARTITION_RULEFIT_H
#define TPC_PARTITION_RULEFIT_H

#include "tpc/Sharding/FactorProjection.h"
#include <vector>

namespace tpc {

/// How an op is split: the axes of each factor, and Partial axes that pass through one of its
/// linear sets.
struct OpSplit {
  llvm::SmallVector<AxisList, 6> factors;
  llvm::SmallVector<AxisList, 2> passing; ///< per linear set of the rule
};

/// The layout that the op split so needs of operand `operand`; std::nullopt if it cannot be said by
/// dimensions.
std::optional<Layout> getOperandLayout(const ShardingRule &rule, const OpSplit &split,
                                       unsigned operand, const Mesh &mesh);
/// The layout that result `result` then has, Partial included.
std::optional<Layout> getResultLayout(const ShardingRule &rule, const OpSplit &split,
                                      unsigned result, const Mesh &mesh);

/// Axes over which a result sums summands that lie on different ranks because of how factors are
/// split.
AxisList getSummedAxes(const ShardingRule &rule, const OpSplit &split, unsigned result);

/// The split that `operands` and `results` (normal form) agree on, or why there is none: a sentence
/// such as "operand 1 must be Shard(1) on tp, got Replicate".
std::optional<OpSplit> findSplit(const ShardingRule &rule, const std::vector<Layout> &operands,
                                 const std::vector<Layout> &results, const Mesh &mesh,
                                 std::string &why);

} // namespace tpc

#endif // TPC_PARTITION_RULEFIT_H
