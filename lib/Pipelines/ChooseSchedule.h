//===- ChooseSchedule.h - pieces of collectives, if they pay in all --------------===//

#ifndef TPC_LIB_PIPELINES_CHOOSESCHEDULE_H
#define TPC_LIB_PIPELINES_CHOOSESCHEDULE_H

#include "mlir/IR/BuiltinOps.h"
#include "tpc/Pipelines/Compile.h"

namespace tpc {

/// Lets `run` turn `module` into a schedule with planned memory. tpc-split-collectives prices each
/// collective by itself; so if it split some, `run` also makes the schedule without pieces, and
/// `module` becomes that one where its step is predicted to be the shorter. Statistics of passes
/// are those of the first.
mlir::LogicalResult
chooseSchedule(mlir::ModuleOp module, const CompileOptions &options,
               llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp, const CompileOptions &)> run);

} // namespace tpc

#endif // TPC_LIB_PIPELINES_CHOOSESCHEDULE_H
