//===- WriteProgram.h - what -o names ------------------------------------------===//

#ifndef TPC_PIPELINES_WRITEPROGRAM_H
#define TPC_PIPELINES_WRITEPROGRAM_H

#include "mlir/IR/BuiltinOps.h"

namespace tpc {

/// Writes what `print` prints to `path`, or to standard output if that is empty or "-". The file
/// appears under its name only when it is complete. Failures are reported.
mlir::LogicalResult writeOutput(llvm::StringRef path, mlir::MLIRContext *context,
                                llvm::function_ref<void(llvm::raw_ostream &)> print);

/// Writes the program, with locations (they name modules and plan lines), the same way.
mlir::LogicalResult writeProgram(mlir::ModuleOp module, llvm::StringRef path);

} // namespace tpc

#endif // TPC_PIPELINES_WRITEPROGRAM_H
