//===- ReshardBound.h - what no way between two layouts can cost less than ----===//
//
// The bound of A*. A way is one collective between free slices, whose price is known, or several:
// their latencies, and the bytes that the worst placed rank must receive.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_RESHARDBOUND_H
#define TPC_LIB_SHARDING_RESHARDBOUND_H

#include "ReshardMoves.h"

namespace tpc {

class ReshardBound {
public:
  ReshardBound(const CostModel &cost, const AtomTable &atoms, llvm::ArrayRef<int64_t> shape,
               int64_t elementBytes);

  /// Seconds that any way from `state` to `target` takes at least.
  double getSeconds(const ReshardState &state, const ReshardState &target) const;
  /// Bytes of one rank's shard.
  double getLocalBytes(const ReshardState &state) const;

private:
  /// Of one collective, priced as if it ran over the fastest links.
  double getSeconds(CollectiveKind kind, int64_t groupSize, double operandBytes) const;
  double getSecondsOfOne(const ReshardState &state, const ReshardState &target) const;
  double getGatherSeconds(const ReshardState &state, const ReshardState &target,
                          unsigned wrong) const;
  double getExchangeSeconds(const ReshardState &state, const ReshardState &target,
                            unsigned wrong) const;
  double getReductionSeconds(const ReshardState &state, const ReshardState &target) const;
  double getSecondsOfSeveral(const ReshardState &state, const ReshardState &target) const;
  double getReducedBytes(const ReshardState &state, const ReshardState &target) const;
  double getMissingBytes(const ReshardState &state, const ReshardState &target) const;
  double getSlicedParts(const ReshardState &state, const ReshardState &target,
                        unsigned except) const;

  const CostModel &cost;
  const AtomTable &atoms;
  double globalBytes;
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_RESHARDBOUND_H
