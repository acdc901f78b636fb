//===- Manifest.h - what the runtime must know of a program, as JSON -----------===//

#ifndef TPC_TARGET_MANIFEST_H
#define TPC_TARGET_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"
#include "tpc/Target/Cpu.h"

namespace tpc {

/// On the module (tpc-count-flops): {machine = "name", flops = rate of one device}.
inline constexpr llvm::StringLiteral kPeak = "tpc.peak";

/// The manifest (docs/manifest.md) of `module`, a program after tpc-plan-memory. Reports what is
/// missing and fails.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp module, const Cpu &cpu);

} // namespace tpc

#endif // TPC_TARGET_MANIFEST_H
