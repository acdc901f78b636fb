//===- KernelEmitter.h - values, loads and stores of a kernel's body -----------===//
//
// Kernels are written as scf loops and arith, math and vector ops on vectors of `lanes` elements,
// with loads and stores of the LLVM dialect. All indices are i64 and count elements. What differs
// between targets (where operands come from, how vectors are read and written) is virtual;
// CpuKernelEmitter and GpuKernelEmitter add the loops, or the threads, of their target.
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
/// Bytes of an element in memory.
int64_t getStorageBytes(mlir::Type element);

class KernelEmitter {
public:
  virtual ~KernelEmitter() = default;

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }
  int64_t getLanes() const { return lanes; }
  mlir::func::FuncOp getKernel() { return kernel; }
  /// The function that is written, beside which constant data may lie.
  virtual mlir::Operation *getFunction() = 0;

  mlir::Value getArgumentPointer(unsigned number) { return buffers[number]; }
  mlir::Value getResultPointer(unsigned number) {
    return buffers[kernel.getNumArguments() + number];
  }
  /// An operand of one element, or of type index.
  mlir::Value loadArgument(mlir::BlockArgument argument);
  /// The operand `first` or an offset, i64.
  virtual mlir::Value loadIndex(unsigned argument) = 0;

  mlir::Value integer(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::AddIOp>(loc, a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::SubIOp>(loc, a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::MulIOp>(loc, a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::DivUIOp>(loc, a, b);
  }
  mlir::Value rem(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::RemUIOp>(loc, a, b);
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a, mlir::Value b) {
    return mlir::arith::CmpIOp::create(builder, loc, predicate, a, b);
  }
  mlir::Value both(mlir::Value a, mlir::Value b) {
    return mlir::arith::AndIOp::create(builder, loc, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return mlir::arith::SelectOp::create(builder, loc, condition, a, b);
  }
  mlir::Value splat(mlir::Value scalar);
  /// [0, 1, 2, ...] of an integer type.
  mlir::Value getLaneNumbers(mlir::Type element);

  /// Constant integers beside the function, under its name and `suffix`.
  mlir::Value addTable(llvm::StringRef suffix, llvm::ArrayRef<int64_t> values);

  /// Element `index` of a buffer, `index` null for the first.
  mlir::Value loadScalar(mlir::Value pointer, mlir::Type element, mlir::Value index = {});
  void storeScalar(mlir::Value scalar, mlir::Value pointer, mlir::Value index = {});
  /// `lanes` elements from `index` on; what lanes hold where `mask` (may be null) is off is not
  /// specified.
  virtual mlir::Value loadVector(mlir::Value pointer, mlir::Type element, mlir::Value index,
                                 mlir::Value mask) = 0;
  /// Memory is not touched where `mask` (may be null) is off.
  virtual void storeVector(mlir::Value vector, mlir::Value pointer, mlir::Value index,
                           mlir::Value mask) = 0;

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
  /// `body` where `condition` holds.
  void doIf(mlir::Value condition, llvm::function_ref<void()> body);

protected:
  KernelEmitter(mlir::func::FuncOp kernel, int64_t lanes)
      : kernel(kernel), builder(kernel.getContext()), loc(kernel.getLoc()), lanes(lanes) {}

  /// The address space of constant data.
  virtual unsigned getConstantSpace() const { return 0; }
  mlir::Value getElementPointer(mlir::Value pointer, mlir::Type storage, mlir::Value index);
  /// i1 from the byte, a narrow float from the integer that holds it, and back.
  mlir::Value fromStorage(mlir::Value value, mlir::Type element);
  mlir::Value toStorage(mlir::Value value);

  mlir::func::FuncOp kernel;
  mlir::OpBuilder builder;
  mlir::Location loc;
  int64_t lanes;
  llvm::SmallVector<mlir::Value> buffers; ///< operands, then results; null for an index by value
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELEMITTER_H
