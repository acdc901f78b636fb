//===- WidenFloats.h - narrow floats are computed with in f32 ------------------===//

#ifndef TPC_LIB_CODEGEN_WIDENFLOATS_H
#define TPC_LIB_CODEGEN_WIDENFLOATS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tpc {

/// Elementwise ops, reductions, norms and losses of bf16 or f16 extend their operands to f32 and
/// round their results once, so that kernels load and store narrow floats but compute in f32.
///
///   %2 = arith.addf %0, %1 : tensor<8xbf16>   // becomes
///   %3 = arith.extf %0 : tensor<8xbf16> to tensor<8xf32>
///   %4 = arith.extf %1 : tensor<8xbf16> to tensor<8xf32>
///   %5 = arith.addf %3, %4 : tensor<8xf32>
///   %2 = arith.truncf %5 : tensor<8xf32> to tensor<8xbf16>
void widenNarrowFloats(mlir::func::FuncOp function);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_WIDENFLOATS_H
