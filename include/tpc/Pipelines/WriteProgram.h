//===- WriteProgram.h - programs as text files ---------------------------------===//

#ifndef TPC_PIPELINES_WRITEPROGRAM_H
#define TPC_PIPELINES_WRITEPROGRAM_H

#include "mlir/IR/BuiltinOps.h"

namespace tpc {

/// Writes the program, with locations (they name modules and plan lines), to `path`, or to standard
/// output if that is empty or "-". The file appears under its name only when it is complete.
/// Failures are reported.
mlir::LogicalResult writeProgram(mlir::ModuleOp module, llvm::StringRef path);

} // namespace tpc

#endif // TPC_PIPELINES_WRITEPROGRAM_H
