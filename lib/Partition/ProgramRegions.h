//===- ProgramRegions.h - the parts of a program that requests decide about -------===//
//
// The layouts of values on both sides of a hard request do not depend on each other: what a request
// gives is in the layout asked for. So a program falls into regions, and alternatives inside one
// are priced apart from all others:
//
//   forward   ops connected by values that are no function argument and no result of a hard request
//   backward  the derivatives of these ops: they use a value of the region, or nothing but results
//   of
//             such ops
//
// Ops without operands (constants, rotary tables) belong to whoever uses them, updates of
// parameters to nobody.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_PROGRAMREGIONS_H
#define TPC_LIB_PARTITION_PROGRAMREGIONS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// Ops in program order.
struct ProgramRegion {
  llvm::SmallVector<mlir::Operation *> ops;

  /// Requests that may be dropped.
  llvm::SmallVector<ConstrainOp> getInteriorRequests() const;
  /// Arguments with an alternative layout (`tpc.alternative`).
  llvm::SmallVector<mlir::BlockArgument> getFlexibleParameters() const;
};

/// Regions that have something to choose, in program order.
std::vector<ProgramRegion> findRegions(mlir::func::FuncOp function);

/// A region as a program of its own.
struct RegionProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< its mesh and one function
  std::string text;                         ///< equal for regions that differ in names only
};

/// What comes from outside becomes arguments, with layouts where these are known; what is used
/// outside becomes results. Names are replaced by numbers.
RegionProgram extractRegion(const ProgramRegion &region, mlir::func::FuncOp function);

} // namespace tpc

#endif // TPC_LIB_PARTITION_PROGRAMREGIONS_H
