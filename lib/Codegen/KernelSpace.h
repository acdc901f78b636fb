//===- KernelSpace.h - the iteration space of a kernel -------------------------===//
//
// A space is a shape and, where rows matter, a split of its dimensions into rows and columns:
//
//   shape [2, 8, 768], split 2: 16 rows of 768 columns
//     tensor<2x8x768xf32>  a value per element ("full")
//     tensor<2x8xf32>      a value per row, e.g. the result of a sum over dims [2]
//     tensor<768xf32>      a value per column, e.g. a norm's weight
//     tensor<f32>          a value for all
//
// Ops of one space can share a kernel. A reduction over leading or middle dimensions makes a column
// space: the kernel runs over the result's elements and each walks down its column.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_KERNELSPACE_H
#define TPC_LIB_CODEGEN_KERNELSPACE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "tpc/Dialect/TPCDialect.h"
#include <optional>

namespace tpc {

/// Where tpc-form-kernels puts an op.
enum class Placement {
  Entry,   ///< stays in the entry program: runtime calls, collectives, reshapes, index arithmetic
  Inline,  ///< cloned into each kernel that uses it: splat constants, broadcasts along rows or
           ///< columns
  Grid,    ///< shares a kernel with other ops of its space
  Alone,   ///< a kernel of its own: data movement, rope
  Unknown, ///< an error
};
Placement getPlacement(mlir::Operation *op);

/// How a broadcast repeats its operand.
enum class BroadcastKind { Scalar, Rows, Columns, Other };
BroadcastKind getBroadcastKind(BroadcastOp op);

/// A reduction as [outer, length, inner] -> [outer, inner].
struct ReductionShape {
  int64_t outer = 1, length = 1, inner = 1;
  bool trailing = false; ///< exactly the last dimensions: a value per row
  static ReductionShape get(ReduceOp op);
};

struct KernelSpace {
  static constexpr int64_t kAnySplit = -1; ///< no op has asked for rows
  static constexpr int64_t kNoSplit = -2;  ///< rows make no sense

  llvm::SmallVector<int64_t> shape;
  int64_t split = kAnySplit;
  bool columns = false;

  /// The space of an op of Placement::Grid. A broadcast operand whose split disagrees with an
  /// earlier one is left out: see `accepts`.
  static KernelSpace get(mlir::Operation *op);
  /// The space of ops of both, if they can share a kernel.
  std::optional<KernelSpace> join(const KernelSpace &other) const;
  /// Whether the broadcast can be evaluated inside this space.
  bool accepts(BroadcastOp op) const;

  bool isFull(mlir::Type type) const;
  int64_t getRows() const;
  int64_t getColumns() const;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELSPACE_H
