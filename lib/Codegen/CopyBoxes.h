//===- CopyBoxes.h - data movement ops as copies of boxes ----------------------===//
//
// Transposes, slices, concatenations and broadcasts copy boxes:
//
//   result[offset + i] = source[sum over d of (sourceOffset[d] + i[d]) * stride[d]]  for i in size
//
// Later boxes overwrite earlier ones.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_COPYBOXES_H
#define TPC_LIB_CODEGEN_COPYBOXES_H

#include "KernelEmitter.h"

namespace tpc {

struct CopyBox {
  mlir::BlockArgument source;
  llvm::SmallVector<mlir::OpFoldResult> offsets; ///< in the result, per dimension
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<mlir::OpFoldResult> sourceOffsets; ///< per dimension of the result
  llvm::SmallVector<int64_t> strides;                  ///< in the source, elements
};

/// The boxes of the only op of a kernel. An op that is no copy, or has no dimension, is an error.
mlir::FailureOr<std::vector<CopyBox>> getCopyBoxes(mlir::Operation *op);

/// An offset as i64; one that is not static is an index operand of the kernel.
mlir::Value getOffset(KernelEmitter &emitter, mlir::OpFoldResult offset);

/// A row-major position in dimensions of these sizes as one index each.
llvm::SmallVector<mlir::Value> getIndices(KernelEmitter &emitter, mlir::Value position,
                                          llvm::ArrayRef<int64_t> sizes);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_COPYBOXES_H
