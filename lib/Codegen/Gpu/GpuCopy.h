//===- GpuCopy.h - a kernel that moves data ------------------------------------===//

#ifndef TPC_LIB_CODEGEN_GPU_GPUCOPY_H
#define TPC_LIB_CODEGEN_GPU_GPUCOPY_H

#include "../CopyBoxes.h"
#include "GpuKernelEmitter.h"

namespace tpc {

class GpuCopy {
public:
  GpuCopy(mlir::func::FuncOp kernel, llvm::ArrayRef<CopyBox> boxes);

  GpuKernelInfo getInfo() const;
  int64_t getLanes() const { return tileDim ? 1 : lanes; }
  void emit(GpuKernelEmitter &emitter) const;

private:
  /// Copies the vector at `indices` of the result, where the box covers it.
  void emitCovered(GpuKernelEmitter &emitter, const CopyBox &box,
                   llvm::ArrayRef<mlir::Value> indices, mlir::Value position) const;
  /// A block per tile of the result's last dimension and of the source's.
  void emitTile(GpuKernelEmitter &emitter) const;
  mlir::Value getPosition(GpuKernelEmitter &emitter, llvm::ArrayRef<mlir::Value> indices) const;

  llvm::ArrayRef<CopyBox> boxes;
  mlir::RankedTensorType type; ///< of the result
  std::optional<int64_t> tileDim;
  int64_t lanes = 1;
  VectorGeometry vectors;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_GPU_GPUCOPY_H
