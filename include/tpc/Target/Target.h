//===- Target.h - from the LLVM dialect to an executable -----------------------===//
//
// After tpc-build-manifest, tpc-lower-kernels and tpc-lower-to-cpu a module holds LLVM functions
// only. These calls make of it, in turn, LLVM IR, an object file, and an executable with the
// runtime.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_TARGET_TARGET_H
#define TPC_TARGET_TARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "tpc/Target/Cpu.h"
#include "llvm/Support/raw_ostream.h"

namespace tpc {

/// Writes optimized LLVM IR as text. Kernels are optimized at -O3 for `cpu`; entry programs, which
/// are lists of calls, are not. Reports errors at the module and fails.
mlir::LogicalResult emitLlvm(mlir::ModuleOp module, const Cpu &cpu, llvm::raw_ostream &os);

/// Writes a relocatable ELF object of position-independent code.
mlir::LogicalResult emitObject(mlir::ModuleOp module, const Cpu &cpu, llvm::raw_pwrite_stream &os);

struct LinkOptions {
  /// Folder of libtpc_runtime.a and its companions; empty: beside the running program, in ../lib.
  std::string runtimeFolder = {};
  /// C++ compiler that links; empty: $CXX, else the one tpc was built with.
  std::string compiler = {};
  /// Whether the program drives a GPU: libtpc_runtime_cuda.a and CUDA's runtime library, both
  /// static, go into it.
  bool cuda = false;
};

/// Whether this build of tpc can link programs that drive a GPU.
bool hasCudaRuntime();

/// Links an object with the runtime. The executable appears as `output` only when it is complete; a
/// missing compiler, library or folder and a full disk are reported at `loc`.
mlir::LogicalResult linkExecutable(llvm::StringRef object, llvm::StringRef output,
                                   const LinkOptions &options, mlir::Location loc);

} // namespace tpc

#endif // TPC_TARGET_TARGET_H
