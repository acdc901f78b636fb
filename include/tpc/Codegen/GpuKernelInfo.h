//===- GpuKernelInfo.h - how a kernel is launched on a GPU ---------------------===//
//
// tpc-lower-kernels-to-gpu writes the kernels of a module into `gpu.module @tpc_kernels`, each
// under its name:
//
//   gpu.func @add(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>) kernel
//       attributes {tpc.grid = {blocks = 8 : i64, threads = 256 : i64}}
//
// Parameters are the kernel's operands, then its results: a pointer to device memory, 64-byte
// aligned, for a tensor (also one of rank 0), an i64 for an index. Every parameter is 8 bytes wide.
// The grid and its blocks are one-dimensional. A kernel without work has 0 blocks and is not to be
// launched.
//
// A kernel of tpc-group-launches has one parameter, by value: the table of all these pointers
// (`llvm.byval`), so it is launched with the same bytes.
//
// A reduction down long columns is made in two stages: the kernel has `tpc.workspace`, the bytes of
// its workspace, and `tpc.finish`, the name of a kernel with the same parameters that is to be
// launched after it. The workspace's pointer follows those of the results.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_GPUKERNELINFO_H
#define TPC_CODEGEN_GPUKERNELINFO_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace tpc {

struct GpuKernelInfo {
  static constexpr llvm::StringLiteral kModule = "tpc_kernels";
  static constexpr llvm::StringLiteral kGrid = "tpc.grid";
  static constexpr llvm::StringLiteral kWorkspace = "tpc.workspace";
  static constexpr llvm::StringLiteral kFinish = "tpc.finish";

  int64_t blocks = 1;
  int64_t threads = 1;            ///< of a block
  int64_t workspaceBytes = 0;     ///< 0: no such parameter
  mlir::FlatSymbolRefAttr finish; ///< in the same gpu.module; null: one stage

  /// What the attributes of a kernel say.
  static GpuKernelInfo get(mlir::gpu::GPUFuncOp kernel);
  void attachTo(mlir::gpu::GPUFuncOp kernel) const;
};

/// The kernel called `name`, null if there is none.
mlir::gpu::GPUFuncOp lookupGpuKernel(mlir::ModuleOp module, llvm::StringRef name);

/// Bytes of workspace that a kernel of tpc-form-kernels will have: for tpc-plan-memory, which runs
/// before kernels are lowered. Reports a kernel that cannot be lowered, and fails.
mlir::FailureOr<int64_t> getGpuWorkspaceBytes(mlir::func::FuncOp kernel);

} // namespace tpc

#endif // TPC_CODEGEN_GPUKERNELINFO_H
