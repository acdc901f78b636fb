//===- SplitPricer.h - the cheapest way to split one op -------------------------===//
//
// The price of a candidate, in seconds: resharding the operands, bringing the results to the
// layouts that propagation gave them, and the op's arithmetic on one rank.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_SPLITPRICER_H
#define TPC_LIB_PARTITION_SPLITPRICER_H

#include "tpc/Partition/SplitCandidates.h"
#include "tpc/Partition/ValueVersions.h"

namespace tpc {

/// A way to split an op, and what follows from it.
struct PricedSplit {
  OpSplit split;
  std::vector<Layout> operands, results; ///< one each, in order; empty for non-tensors
  double seconds = 0;
  unsigned strayResults = 0; ///< results that do not lie as propagation wanted

  bool operator<(const PricedSplit &other) const {
    return std::tie(seconds, strayResults) < std::tie(other.seconds, other.strayResults);
  }
};

class SplitPricer {
public:
  /// `wanted` are the layouts that propagation gave the results.
  SplitPricer(ShardingRuleOpInterface op, llvm::ArrayRef<Layout> wanted, const MeshContext &context,
              ReshardPlanner &planner, const ValueVersions &versions)
      : op(op), rule(op.getShardingRule()), wanted(wanted), context(context), planner(planner),
        versions(versions) {}

  /// The first of the cheapest candidates; std::nullopt if none can be had.
  std::optional<PricedSplit> findCheapest() const;

private:
  std::vector<OpSplit> getCandidates() const;
  void addPassing(SplitCandidates &candidates) const;
  std::optional<PricedSplit> price(OpSplit split) const;
  bool addOperandPrices(PricedSplit &priced) const;
  bool addResultPrices(PricedSplit &priced) const;
  double getWorkSeconds(const PricedSplit &priced) const;

  mlir::Operation *op;
  ShardingRule rule;
  llvm::ArrayRef<Layout> wanted;
  const MeshContext &context;
  ReshardPlanner &planner;
  const ValueVersions &versions;
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_SPLITPRICER_H
