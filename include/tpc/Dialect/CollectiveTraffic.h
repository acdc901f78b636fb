//===- CollectiveTraffic.h - what a collective op moves ------------------------===//

#ifndef TPC_DIALECT_COLLECTIVETRAFFIC_H
#define TPC_DIALECT_COLLECTIVETRAFFIC_H

#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Sharding/CostModel.h"

namespace tpc {

/// One collective in its local form, as the cost model sees it. Numbers are one rank's.
struct CollectiveTraffic {
  CollectiveKind kind;
  AxisList axes;
  /// Of the wider side, operand or result: NCCL's "count" of an all-reduce, a gather's result, a
  /// scatter's operand.
  int64_t elements = 0;
  int64_t operandBytes = 0;
  int64_t receivedBytes = 0;
};

/// std::nullopt for ops that are no collective and for shard_slice, which moves nothing.
std::optional<CollectiveTraffic> getTraffic(mlir::Operation *op);

/// Collectives of one or several functions, and what they move together.
struct TrafficSum {
  int64_t collectives = 0, receivedBytes = 0;

  /// Adds every collective of `function`.
  void add(mlir::FunctionOpInterface function);
};

} // namespace tpc

#endif // TPC_DIALECT_COLLECTIVETRAFFIC_H
