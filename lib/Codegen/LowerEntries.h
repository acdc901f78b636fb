//===- LowerEntries.h - a whole module of planned entry programs ---------------===//

#ifndef TPC_LIB_CODEGEN_LOWERENTRIES_H
#define TPC_LIB_CODEGEN_LOWERENTRIES_H

#include "EntryLowering.h"

namespace tpc {

/// What tpc_program says of its target.
struct ProgramTarget {
  RuntimeCalls::Field backend, deviceCode;
};

/// The backend of that name, which a library of the runtime defines, as a field of tpc_program.
RuntimeCalls::Field addBackend(mlir::ModuleOp module, llvm::StringRef name);

/// The collectives of all entries, numbered; fails if memory is not planned.
mlir::FailureOr<llvm::DenseMap<mlir::Operation *, int64_t>>
numberCollectives(mlir::ModuleOp module);

/// Once all entries are lowered: defines tpc_compiled_program if there is a manifest, and removes
/// what is left of the tpc dialect.
void finishEntries(mlir::ModuleOp module, RuntimeCalls &runtime, const ProgramTarget &target);

/// Lowers every entry by a subclass of EntryLowering.
template <typename Lowering>
mlir::LogicalResult lowerEntries(mlir::ModuleOp module, RuntimeCalls &runtime,
                                 const ProgramTarget &target) {
  auto collectives = numberCollectives(module);
  if (failed(collectives))
    return mlir::failure();
  for (mlir::func::FuncOp entry : getEntries(module))
    if (failed(verifySchedule(entry)) || failed(Lowering(entry, runtime, *collectives).run()))
      return mlir::failure();
  finishEntries(module, runtime, target);
  return mlir::success();
}

} // namespace tpc

#endif // TPC_LIB_CODEGEN_LOWERENTRIES_H
