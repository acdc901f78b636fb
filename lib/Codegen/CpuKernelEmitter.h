//===- CpuKernelEmitter.h - kernels as loops over vectors ----------------------===//
//
// A kernel for the CPU is `llvm.func @name(buffers: ptr, begin: i64, end: i64)`; tpc-lower-kernels
// converts what it holds to the LLVM dialect. Tails are masked, so that one expression serves whole
// vectors and the last part of one.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_CPUKERNELEMITTER_H
#define TPC_LIB_CODEGEN_CPUKERNELEMITTER_H

#include "KernelEmitter.h"
#include "KernelGroup.h"

namespace tpc {

class CpuKernelEmitter : public KernelEmitter {
public:
  CpuKernelEmitter(mlir::func::FuncOp kernel, mlir::LLVM::LLVMFuncOp function, int64_t lanes);

  /// The iterations to be written: those of the function's arguments unless others are set.
  mlir::Value getBegin() { return begin; }
  mlir::Value getEnd() { return end; }
  void setRange(mlir::Value from, mlir::Value to) { begin = from, end = to; }
  /// Loads the kernel's pointers (operands, then results) from `buffers`, where number i is at
  /// position(i). To be called before anything is emitted.
  void loadPointers(llvm::function_ref<mlir::Value(unsigned)> position);
  mlir::Operation *getFunction() override { return function; }
  /// Index operands are pointers to an int64_t.
  mlir::Value loadIndex(unsigned argument) override {
    return loadScalar(getArgumentPointer(argument), builder.getI64Type());
  }

  mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value index,
                         mlir::Value mask) override;
  void storeVector(mlir::Value vector, mlir::Value pointer, mlir::Value index,
                   mlir::Value mask) override;

  /// Whole vectors of [begin, end), then a masked rest if there can be one.
  void forVectors(mlir::Value begin, mlir::Value end, bool mayHaveTail,
                  llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);
  /// The same for [0, count).
  void forVectors(int64_t count,
                  llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);
  /// On in the first `count` lanes; null for all of them.
  mlir::Value getMask(int64_t count);

private:
  mlir::LLVM::LLVMFuncOp function;
  mlir::Value begin, end;
};

/// The body of a group: `emitMember` writes the loops of one member.
mlir::LogicalResult emitGroup(CpuKernelEmitter &emitter, const KernelGroup &group,
                              llvm::function_ref<mlir::LogicalResult()> emitMember);

/// Write the body of a kernel's function, one per KernelLoop.
mlir::LogicalResult emitElementsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitRowsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitColumnsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitCopyKernel(CpuKernelEmitter &emitter, mlir::Operation *op);
mlir::LogicalResult emitRopeKernel(CpuKernelEmitter &emitter, RopeOp op);
mlir::LogicalResult emitRopeTableKernel(CpuKernelEmitter &emitter, RopeTableOp op);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_CPUKERNELEMITTER_H
