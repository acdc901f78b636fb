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

/// Bytes that a library which moves whole blocks of memory (NCCL) has copied, before a collective
/// to lay the parts for the others one behind the other, or after it to where received parts
/// belong: every byte of a side whose dimension has something before it. 0 for other ops. Each
/// tensor counts in multiples of kPackingAlignment.
int64_t getPackedBytes(mlir::Operation *op);
inline constexpr int64_t kPackingAlignment = 256;

/// Collectives of one or several functions, and what they move together.
struct TrafficSum {
  int64_t collectives = 0, receivedBytes = 0;

  /// Adds every collective of `function`.
  void add(mlir::FunctionOpInterface function);
};

} // namespace tpc

#endif // TPC_DIALECT_COLLECTIVETRAFFIC_H
