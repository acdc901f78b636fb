//===- SplitPricer.h - the cheapest way to split one op -------------------------===//
//
// The price of a candidate: the collectives that reshard its operands and bring its results to
// where they are bound for, and, among those of equal traffic, the op's arithmetic on one rank.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_SPLITPRICER_H
#define TPC_LIB_PARTITION_SPLITPRICER_H

#include "tpc/Partition/SplitCandidates.h"
#include "tpc/Partition/ValueVersions.h"
#include <cmath>

namespace tpc {

/// A way to split an op, and what follows from it.
struct PricedSplit {
  OpSplit split;
  std::vector<Layout> operands, results; ///< one each, in order; empty for non-tensors
  double traffic = 0;                    ///< seconds of collectives
  double work = 0;                       ///< seconds of arithmetic on one rank
  unsigned strayResults = 0;             ///< results that do not lie as propagation wanted

  /// Traffic decides (its last bits depend on the order of summation), then work; sums are reduced
  /// as late as can be.
  bool operator<(const PricedSplit &other) const { return getOrder() < other.getOrder(); }

private:
  std::tuple<int64_t, double, int64_t, unsigned> getOrder() const {
    int64_t passing = 1;
    for (const AxisList &axes : split.passing)
      passing *= getSize(axes);
    return {std::llround(traffic * 1e12), work, -passing, strayResults};
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
  /// std::nullopt if the split cannot be had for less than `limit` seconds of traffic.
  std::optional<PricedSplit> price(OpSplit split, double limit) const;
  bool addOperandPrices(PricedSplit &priced, double limit) const;
  std::optional<double> getOperandSeconds(mlir::Value operand, const Layout &layout,
                                          double limit) const;
  bool addResultPrices(PricedSplit &priced, double limit) const;
  std::optional<Layout> getLayoutBeside(mlir::OpOperand &use, unsigned other) const;
  std::optional<Layout> getScattered(mlir::Value value, const Layout &sum) const;
  std::optional<double> getReductionSeconds(mlir::Value result, const Layout &from,
                                            const Layout &to, double limit) const;
  void addOpPrices(PricedSplit &priced) const;

  mlir::Operation *op;
  ShardingRule rule;
  llvm::ArrayRef<Layout> wanted;
  const MeshContext &context;
  ReshardPlanner &planner;
  const ValueVersions &versions;

  /// What it takes to have an operand in a layout, at least `seconds` if it is not `exact`.
  struct OperandPrice {
    mlir::Value operand;
    Layout layout;
    double seconds;
    bool exact;
  };
  /// Candidates differ in few operands.
  mutable llvm::SmallVector<OperandPrice, 8> operandPrices;
  mutable llvm::SmallDenseMap<mlir::Value, bool> passes; ///< passesAllUsers() of the results
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_SPLITPRICER_H
