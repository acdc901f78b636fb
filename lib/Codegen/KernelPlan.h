//===- KernelPlan.h - the loop nest of a kernel --------------------------------===//
//
// Derived from the kernel's body alone, so that tpc-form-kernels (which announces extent and grain)
// and tpc-lower-kernels (which writes the loops) cannot disagree.
//
// A row kernel walks over each row several times, once per phase: phase p computes the reductions
// whose operands need the results of p earlier reductions, and the full results that need no more.
// A softmax has three phases:
//
//   phase 0: maximum     phase 1: sum of exp(x - maximum)     phase 2: exp(x - maximum) / sum
//
// What is not a reduction is recomputed where it is needed, unless an earlier phase stored it.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_KERNELPLAN_H
#define TPC_LIB_CODEGEN_KERNELPLAN_H

#include "KernelSpace.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Codegen/KernelInfo.h"

namespace tpc {

enum class KernelLoop {
  Elements, ///< iterations are elements
  Rows,     ///< iterations are rows
  Columns,  ///< iterations are elements of the reductions' results
  Copy, ///< one data movement op; iterations are elements of the result but for the last dimension
  Rope, ///< iterations are (batch, position)
  RopeTable ///< iterations are positions
};

struct KernelPhase {
  llvm::SmallVector<mlir::OpResult>
      reductions;                      ///< results of tpc.reduce, or cross_entropy's target_logit
  llvm::SmallVector<unsigned> results; ///< kernel results with a value per element
};

struct KernelPlan {
  KernelLoop loop = KernelLoop::Elements;
  KernelSpace space;     ///< of Elements, Rows and Columns
  int64_t rowLength = 1; ///< elements between a row and the next
  llvm::SmallVector<KernelPhase> phases;
  llvm::SmallVector<unsigned> rowResults; ///< kernel results with a value per row
  llvm::SmallVector<CrossEntropyOp>
      picks; ///< target logits that are loaded, before a result replaces the logits

  /// Emits an error at the op that does not fit.
  static mlir::FailureOr<KernelPlan> get(mlir::func::FuncOp kernel);
  KernelInfo getInfo(mlir::func::FuncOp kernel) const;

  /// The phase in which `value` can be computed.
  int getPhase(mlir::Value value) const;
  bool isRowValue(mlir::Type type) const;

private:
  void schedule(mlir::func::FuncOp kernel);
  llvm::SmallVector<llvm::SmallVector<int64_t>> getInPlace(mlir::func::FuncOp kernel) const;
};

/// The kernel's operand that holds the logits, extended by the kernel if they are narrow; null if
/// they are computed in the kernel.
mlir::BlockArgument getLoadedLogits(CrossEntropyOp op);

/// The tensor op of a kernel of KernelLoop::Copy, Rope or RopeTable.
mlir::Operation *getOnlyOp(mlir::func::FuncOp kernel);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELPLAN_H
