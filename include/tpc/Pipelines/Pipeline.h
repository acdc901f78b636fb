//===- Pipeline.h - the phases of the compiler, in order -----------------------===//

#ifndef TPC_PIPELINES_PIPELINE_H
#define TPC_PIPELINES_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "tpc/Pipelines/Compile.h"

namespace tpc {

/// A group of passes with one contract: what the program is before and after it.
struct Phase {
  llvm::StringRef name;
  /// The first form that needs this phase.
  Emit neededBy;
  /// Does the reference interpreter understand what the phase leaves?
  bool interpretable;
  void (*build)(mlir::OpPassManager &manager, const CompileOptions &options);
};

/// All phases; the comments in Pipeline.cpp say why in this order.
llvm::ArrayRef<Phase> getPhases();

/// Runs the phases that `options.emit` needs on a program as loadProgram() makes it, and dumps the
/// program after each if asked to. `prepare` sees the pass manager of each phase before it runs, to
/// add instrumentation. Of a program that has reached a form already, the phases up to it are left
/// out.
mlir::LogicalResult runPhases(mlir::ModuleOp module, const CompileOptions &options,
                              llvm::function_ref<void(mlir::PassManager &)> prepare = nullptr,
                              Emit reached = Emit::Import);

} // namespace tpc

#endif // TPC_PIPELINES_PIPELINE_H
