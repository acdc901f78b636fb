//===- FuseAccumulation.h - sums that an op can take in --------------*- C++ -*-===//

#ifndef TPC_LIB_CODEGEN_FUSEACCUMULATION_H
#define TPC_LIB_CODEGEN_FUSEACCUMULATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tpc {

/// Turns `y + contract` into a contract that accumulates on y: residuals, sums of cotangents and of
/// gradients pass through memory once less. So are gradients of embeddings. Only where nobody else
/// needs the product, y stands before it, and y is in memory anyway. A narrow sum is rounded once,
/// after the addition.
void fuseAccumulation(mlir::func::FuncOp function);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_FUSEACCUMULATION_H
