//===- AdditionChain.h - sums of several terms, to be regrouped --------------===//
//
// a + b + c + d, written as nested additions whose inner results have no other use. Terms that are
// Partial over the same axes are added first, so that one reduction serves them all:
//
//   terms a (Partial tp), b, c (Partial tp), d   become   (b + d) + (a + c)   with one reduction of
//   a + c
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_ADDITIONCHAIN_H
#define TPC_LIB_PARTITION_ADDITIONCHAIN_H

#include "tpc/Partition/ValueVersions.h"

namespace tpc {

/// Is `op` an addition whose only user is an addition of the same kind? Then it is a part of that
/// one's chain.
bool isInnerAddition(mlir::Operation *op);
/// Is `op` an addition with an inner addition among its operands, itself no inner one?
bool isOuterAddition(mlir::Operation *op);

/// Builds the chain that ends in `outer` anew, grouped, just before it; erases the old ops and
/// returns the new ones in order.
llvm::SmallVector<mlir::Operation *> regroupAdditions(mlir::Operation *outer,
                                                      const ValueVersions &versions);

} // namespace tpc

#endif // TPC_LIB_PARTITION_ADDITIONCHAIN_H
