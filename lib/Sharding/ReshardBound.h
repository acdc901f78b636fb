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
               int64_t elementBytes, const ReshardState &target);

  /// Seconds that any way from `state` to the target takes at least.
  double getSeconds(const ReshardState &state) const;
  /// Bytes of one rank's shard.
  double getLocalBytes(const ReshardState &state) const;

private:
  /// Of one collective, priced as if it ran over the fastest links.
  double getSeconds(CollectiveKind kind, int64_t groupSize, double operandBytes) const;
  double getSecondsOfOne(const ReshardState &state) const;
  double getGatherSeconds(const ReshardState &state, unsigned wrong) const;
  double getExchangeSeconds(const ReshardState &state, unsigned wrong) const;
  double getReductionSeconds(const ReshardState &state) const;
  double getSecondsOfSeveral(const ReshardState &state) const;
  unsigned getCollectives(const ReshardState &state) const;
  double getReducedBytes(const ReshardState &state) const;
  double getMissingBytes(const ReshardState &state) const;
  double getSlicedParts(const ReshardState &state, unsigned except) const;
  /// Is there a sum left to take?
  bool reduces(const ReshardState &state) const { return (state.partial & ~target.partial) != 0; }
  /// Is a dimension already the beginning of what it shall be?
  bool isBeginning(const ReshardState &state, unsigned dim) const;
  /// What slices still have to add to such a dimension.
  llvm::ArrayRef<uint8_t> getRest(const ReshardState &state, unsigned dim) const;

  const CostModel &cost;
  const AtomTable &atoms;
  ReshardState target;
  llvm::SmallVector<int64_t> targetSizes; ///< parts of every dimension
  double globalBytes, targetBytes;
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_RESHARDBOUND_H
