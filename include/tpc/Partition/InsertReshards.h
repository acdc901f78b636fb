//===- InsertReshards.h - what tpc-insert-reshards does, for who has a planner ---===//

#ifndef TPC_PARTITION_INSERTRESHARDS_H
#define TPC_PARTITION_INSERTRESHARDS_H

#include "tpc/Partition/MeshContext.h"

namespace tpc {

/// On a function: every request in it is met and used, whatever the pass's policy.
inline constexpr llvm::StringLiteral kMeetsRequests = "tpc.meets_requests";

struct InsertedReshards {
  unsigned reshards = 0;
  unsigned partials = 0; ///< op results that are Partial
  /// Users of values in layouts that were not asked for, before one that was exists. Without any
  /// the policies are the same.
  unsigned departures = 0;
};

/// Makes operands and results of all ops of `module` fit their rules; see the pass. `strict` is its
/// policy. A planner that is used again knows its plans.
mlir::FailureOr<InsertedReshards> insertReshards(mlir::ModuleOp module, const MeshContext &context,
                                                 ReshardPlanner &planner, bool strict);

} // namespace tpc

#endif // TPC_PARTITION_INSERTRESHARDS_H
