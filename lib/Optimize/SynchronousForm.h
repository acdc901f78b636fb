//===- SynchronousForm.h - what passes on collectives begin with ---------------===//

#ifndef TPC_LIB_OPTIMIZE_SYNCHRONOUSFORM_H
#define TPC_LIB_OPTIMIZE_SYNCHRONOUSFORM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tpc {

/// Checks that `function` is one block in which no collective is only started; reports the first
/// op that is in the way.
mlir::LogicalResult verifySynchronousBlock(mlir::func::FuncOp function);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_SYNCHRONOUSFORM_H
