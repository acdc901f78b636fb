//===- ProgramPrice.h - what a program moves and computes on one rank ----------===//

#ifndef TPC_PARTITION_PROGRAMPRICE_H
#define TPC_PARTITION_PROGRAMPRICE_H

#include "tpc/Partition/MeshContext.h"

namespace tpc {

/// The price of a function in which reshards stand (`tpc-insert-reshards`), on each rank.
struct ProgramPrice {
  double receivedBytes = 0;
  double transferSeconds = 0; ///< of these bytes at the bandwidth of their axes
  double flops = 0;

  /// Traffic decides, then work. The number of collectives is not traded against bytes.
  bool operator<(const ProgramPrice &other) const;
};

/// Adds up all reshards and the collectives inside ops (those that join an Internal factor). Fails
/// with an error at a value without a layout, or at a reshard that cannot be made.
mlir::FailureOr<ProgramPrice> priceProgram(mlir::func::FuncOp function, const MeshContext &context,
                                           ReshardPlanner &planner);

} // namespace tpc

#endif // TPC_PARTITION_PROGRAMPRICE_H
