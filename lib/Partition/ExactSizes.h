//===- ExactSizes.h - cuts padding off where a size matters ---------------------===//
//
// What some ops compute depends on a size (Factor::exact): the width that a norm divides by, the
// halves that a rotation pairs, the keys that a query sees without a mask, the order of elements in
// a reshape. Where such a dimension is padded, the padding is cut off in front of the op, and zeros
// take its place behind it:
//
//   %y = tpc.rms_norm %x, %w                     10 columns, padded to 12 in %x and in %y
//
//   %c = tensor.extract_slice %x[0, 0] [4, 10] [1, 1]
//   %n = tpc.rms_norm %c, %w
//   %y = tensor.insert_slice %n into %zeros[0, 0] [4, 10] [1, 1]
//
// The dimension is whole there, so that this moves nothing between ranks that the op would not.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_EXACTSIZES_H
#define TPC_LIB_PARTITION_EXACTSIZES_H

#include "PaddedSizes.h"

namespace tpc {

/// Inserts the slices of `function`, whose types have no padding so far. Returns the number of ops
/// that got exact sizes.
unsigned insertExactSizes(mlir::func::FuncOp function, PaddedSizes &sizes,
                          const MeshContext &context);

} // namespace tpc

#endif // TPC_LIB_PARTITION_EXACTSIZES_H
