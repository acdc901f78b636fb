//===- GpuGeometry.h - how the work of a kernel is laid over blocks and threads ===//
//
// A thread works on vectors of `lanes` elements: 16 bytes of the narrowest tensor, or the largest
// power of two that divides what lies side by side. So vectors are whole and their addresses
// aligned: nothing is masked inside a vector.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_GPU_GPUGEOMETRY_H
#define TPC_LIB_CODEGEN_GPU_GPUGEOMETRY_H

#include "../KernelGroup.h"
#include "tpc/Codegen/GpuKernelInfo.h"

namespace tpc {

/// Threads that exchange values by shuffles.
inline constexpr int64_t kWarp = 32;

/// Lanes of a kernel whose vectors never cross a multiple of `length` elements.
int64_t getGpuLanes(mlir::func::FuncOp kernel, int64_t length);

/// One vector per thread.
struct VectorGeometry {
  int64_t lanes = 1;
  int64_t vectors = 0; ///< in all
  int64_t threads = 1;

  static VectorGeometry get(int64_t vectors, int64_t lanes);
  GpuKernelInfo getInfo() const;
};

/// Rows of `vectors` vectors; vector v of a row belongs to thread v modulo `threadsPerRow`.
struct RowGeometry {
  int64_t lanes = 1;
  int64_t rows = 1;
  int64_t vectors = 1;
  int64_t threadsPerRow = 1; ///< a power of two up to a warp, or whole warps: one row per block
  int64_t rowsPerBlock = 1;
  int64_t vectorsPerThread = 1; ///< at a time
  bool looped = false;          ///< too long to be kept in registers

  static RowGeometry get(mlir::func::FuncOp kernel, const KernelPlan &plan);
  GpuKernelInfo getInfo() const;
};

/// Reductions of [outer, length, inner] to [outer, inner]. A block holds `rowThreads` rows of
/// `columnThreads` threads. Long columns are cut into chunks, whose results are reduced by a second
/// kernel.
struct ColumnGeometry {
  int64_t lanes = 1;
  ReductionShape shape;
  int64_t columnThreads = 1;
  int64_t rowThreads = 1;
  int64_t chunks = 1;
  int64_t chunkLength = 1;  ///< a multiple of rowThreads * rowsPerStep
  int64_t elementBytes = 4; ///< of the results
  int64_t results = 1;

  /// Rows that a thread loads at a time.
  static constexpr int64_t kRowsPerStep = 4;

  static ColumnGeometry get(mlir::func::FuncOp kernel, const KernelPlan &plan);
  /// Of the second kernel: chunks take the place of rows.
  ColumnGeometry getSecondStage() const;
  int64_t getInnerVectors() const { return shape.inner / lanes; }
  /// Blocks side by side that cover a row of an outer slab.
  int64_t getColumnBlocks() const;
  int64_t getResultElements() const { return shape.outer * shape.inner; }
  int64_t getWorkspaceBytes() const;
  GpuKernelInfo getInfo() const;
};

/// A group: its blocks are those of its members one after the other, each laid out as the largest
/// is.
struct GroupGeometry {
  KernelLoop loop = KernelLoop::Elements;
  VectorGeometry vectors;                 ///< of the largest, if the loop is over elements
  RowGeometry rows;                       ///< if it is over rows
  llvm::SmallVector<int64_t> counts;      ///< vectors or rows of each member
  llvm::SmallVector<int64_t> firstBlocks; ///< of each member, then the number of all blocks
  llvm::SmallVector<KernelGroup::Position> positions;
  int64_t pointers = 0; ///< in the table that is the kernel's parameter

  /// `plan` is that of the largest member.
  static GroupGeometry get(KernelGroup &group, const KernelPlan &plan);
  int64_t getLanes() const { return loop == KernelLoop::Rows ? rows.lanes : vectors.lanes; }
  GpuKernelInfo getInfo() const;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_GPU_GPUGEOMETRY_H
