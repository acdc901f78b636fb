//===- KernelEmitter.h - loops, loads and stores of a kernel's body ------------===//
//
// Kernels are written as `llvm.func @name(buffers: ptr, begin: i64, end: i64)` holding scf loops
// and arith, math and vector ops on vectors of `lanes` elements; tpc-lower-kernels converts the
// rest to the LLVM dialect. All indices are i64 and count elements. Tails are masked, so that one
// expression serves whole vectors and the last part of one.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_KERNELEMITTER_H
#define TPC_LIB_CODEGEN_KERNELEMITTER_H

#include "KernelPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace tpc {

/// The element type in memory: i1 is stored as one byte, index as 64 bits. A narrow float is moved
/// as an integer: where a processor has no bf16, LLVM turns one that is moved as a float into f32
/// and back, by a call per element.
mlir::Type getStorageType(mlir::Type element);

class KernelEmitter {
public:
  KernelEmitter(mlir::func::FuncOp kernel, mlir::LLVM::LLVMFuncOp function, int64_t lanes);

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }
  int64_t getLanes() const { return lanes; }
  mlir::Value getBegin() { return function.getArgument(1); }
  mlir::Value getEnd() { return function.getArgument(2); }
  mlir::Value getArgumentPointer(unsigned number) { return pointers[number]; }
  mlir::Value getResultPointer(unsigned number) {
    return pointers[kernel.getNumArguments() + number];
  }
  mlir::func::FuncOp getKernel() { return kernel; }
  mlir::LLVM::LLVMFuncOp getFunction() { return function; }

  mlir::Value integer(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b) {
    return mlir::arith::AddIOp::create(builder, loc, a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return mlir::arith::SubIOp::create(builder, loc, a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return mlir::arith::MulIOp::create(builder, loc, a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return mlir::arith::DivUIOp::create(builder, loc, a, b);
  }
  mlir::Value rem(mlir::Value a, mlir::Value b) {
    return mlir::arith::RemUIOp::create(builder, loc, a, b);
  }
  mlir::Value splat(mlir::Value scalar);

  /// Element `index` of a buffer, `index` null for the first.
  mlir::Value loadScalar(mlir::Value pointer, mlir::Type element, mlir::Value index = {});
  void storeScalar(mlir::Value scalar, mlir::Value pointer, mlir::Value index = {});
  /// `lanes` elements from `index` on; where `mask` (may be null) is off memory is not touched.
  mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value index,
                         mlir::Value mask);
  void storeVector(mlir::Value vector, mlir::Value pointer, mlir::Value index, mlir::Value mask);
  /// The operand `first` or an offset, which kernels get as a pointer to an int64_t.
  mlir::Value loadIndex(unsigned argument) {
    return loadScalar(getArgumentPointer(argument), builder.getI64Type());
  }

  /// A float, or a vector of floats, in f32 if it is narrower.
  mlir::Value widen(mlir::Value value);
  /// f32 rounded to `element` if that is narrower.
  mlir::Value narrow(mlir::Value value, mlir::Type element);

  using Carried = llvm::SmallVector<mlir::Value>;
  /// `for (i = begin; i < end; i += step)` with loop-carried values.
  Carried forEach(mlir::Value begin, mlir::Value end, int64_t step, mlir::ValueRange initial,
                  llvm::function_ref<Carried(mlir::Value, mlir::ValueRange)> body);
  void forEach(mlir::Value begin, mlir::Value end, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);
  /// Whole vectors of [begin, end), then a masked rest if there can be one.
  void forVectors(mlir::Value begin, mlir::Value end, bool mayHaveTail,
                  llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);
  /// The same for [0, count).
  void forVectors(int64_t count,
                  llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);
  /// On in the first `count` lanes; null for all of them.
  mlir::Value getMask(int64_t count);
  /// [0, 1, 2, ...] of an integer type.
  mlir::Value getLaneNumbers(mlir::Type element);

private:
  mlir::Value getElementPointer(mlir::Value pointer, mlir::Type storage, mlir::Value index);

  mlir::func::FuncOp kernel;
  mlir::LLVM::LLVMFuncOp function;
  mlir::OpBuilder builder;
  mlir::Location loc;
  int64_t lanes;
  llvm::SmallVector<mlir::Value> pointers;
};

/// Write the body of a kernel's function, one per KernelLoop.
mlir::LogicalResult emitElementsKernel(KernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitRowsKernel(KernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitColumnsKernel(KernelEmitter &emitter, const KernelPlan &plan);
mlir::LogicalResult emitCopyKernel(KernelEmitter &emitter, mlir::Operation *op);
mlir::LogicalResult emitRopeKernel(KernelEmitter &emitter, RopeOp op);
mlir::LogicalResult emitRopeTableKernel(KernelEmitter &emitter, RopeTableOp op);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELEMITTER_H
