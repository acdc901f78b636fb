//===- GpuKernelEmitter.h - kernels as the program of one thread ---------------===//
//
// A kernel for a GPU is a `gpu.func` (see GpuKernelInfo.h) of pointers to device memory, with loads
// and stores of the LLVM dialect. Vectors are aligned to their size or 16 bytes: `index` is always
// a multiple of `lanes`. A mask is on or off for a whole vector. Where it is off a vector is
// loaded nevertheless, from an index that exists (GpuKernelEmitter::clamp): so values stay in
// registers without branches around them.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_GPU_GPUKERNELEMITTER_H
#define TPC_LIB_CODEGEN_GPU_GPUKERNELEMITTER_H

#include "../KernelEmitter.h"
#include "GpuGeometry.h"

namespace tpc {

class GpuKernelEmitter : public KernelEmitter {
public:
  GpuKernelEmitter(mlir::func::FuncOp kernel, mlir::gpu::GPUFuncOp function, int64_t lanes);

  mlir::Operation *getFunction() override { return function; }
  mlir::Value loadIndex(unsigned argument) override { return function.getArgument(argument); }
  /// Takes the pointers of operands and results from elsewhere than the function's parameters, and
  /// the number of the block.
  void use(llvm::ArrayRef<mlir::Value> pointers, mlir::Value number);
  mlir::Value getWorkspace() { return function.getArguments().back(); }

  /// Numbers of this thread and its block, i64.
  mlir::Value getThread() const { return thread; }
  mlir::Value getBlock() const { return block; }

  mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value index,
                         mlir::Value mask) override;
  void storeVector(mlir::Value vector, mlir::Value pointer, mlir::Value index,
                   mlir::Value mask) override;

  /// `index` where it is less than `count`, else 0; `inside` says which.
  struct Clamped {
    mlir::Value index, inside;
  };
  Clamped clamp(mlir::Value index, mlir::Value count);
  Clamped clamp(mlir::Value index, int64_t count) { return clamp(index, integer(count)); }
  /// The mask of a vector that is on where `condition` holds.
  mlir::Value getMask(mlir::Value condition) { return splat(condition); }

  /// Memory of the block for `count` values of a type.
  mlir::Value allocateShared(mlir::Type type, int64_t count);
  mlir::Value loadShared(mlir::Value memory, mlir::Type type, mlir::Value index);
  void storeShared(mlir::Value value, mlir::Value memory, mlir::Value index);
  /// All threads of the block get here before one goes on.
  void synchronize();
  /// The scalar that the thread has whose number in the warp differs by `distance`, a power of two.
  mlir::Value exchange(mlir::Value scalar, int64_t distance);

private:
  unsigned getConstantSpace() const override;
  mlir::Value exchangeWord(mlir::Value word, int64_t distance);
  int64_t getAlignment(mlir::Type storage) const;

  mlir::gpu::GPUFuncOp function;
  mlir::Value thread, block;
  int64_t sharedCount = 0;
};

/// `body` for each vector, one per thread.
void forEachVector(GpuKernelEmitter &emitter, const VectorGeometry &geometry,
                   llvm::function_ref<void(mlir::Value vector)> body);

/// The elements of one vector.
void emitGpuVector(GpuKernelEmitter &emitter, const KernelPlan &plan, mlir::Value vector);

/// Write the body of a kernel's function, one per KernelLoop.
void emitGpuElements(GpuKernelEmitter &emitter, const KernelPlan &plan,
                     const VectorGeometry &geometry);
/// `rows`: how many there are, if that is not known here.
void emitGpuRows(GpuKernelEmitter &emitter, const KernelPlan &plan, const RowGeometry &geometry,
                 mlir::Value rows = {});
void emitGpuGroup(GpuKernelEmitter &emitter, const KernelPlan &plan, const GroupGeometry &geometry);
void emitGpuColumns(GpuKernelEmitter &emitter, const KernelPlan &plan,
                    const ColumnGeometry &geometry);
/// The second kernel of a reduction in two stages; `geometry` is that of the first.
void emitGpuColumnsFinish(GpuKernelEmitter &emitter, const KernelPlan &plan,
                          const ColumnGeometry &geometry);
VectorGeometry getRopeGeometry(mlir::func::FuncOp kernel, RopeOp op);
void emitGpuRope(GpuKernelEmitter &emitter, RopeOp op, const VectorGeometry &geometry);
VectorGeometry getRopeTableGeometry(RopeTableOp op);
void emitGpuRopeTable(GpuKernelEmitter &emitter, RopeTableOp op, const VectorGeometry &geometry);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_GPU_GPUKERNELEMITTER_H
