//===- Gpu.h - machine code for NVIDIA GPUs ------------------------------------===//

#ifndef TPC_TARGET_GPU_H
#define TPC_TARGET_GPU_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include <string>

namespace tpc {

/// The folder of the CUDA toolkit: `folder` if not empty, else $CUDA_HOME, /usr/local/cuda, or that
/// of the ptxas on the PATH. Reports a missing ptxas or libdevice at `loc` and fails.
mlir::FailureOr<std::string> findCudaToolkit(llvm::StringRef folder, mlir::Location loc);

enum class GpuCode {
  Ptx,  ///< PTX assembly
  Cubin ///< an ELF file for one architecture, assembled by the toolkit's ptxas
};

/// Machine code of a module's kernels (tpc-lower-kernels-to-gpu) for one of getCudaArchitectures(),
/// optimized at -O3. `module` is left in the LLVM dialect. `toolkit` is for findCudaToolkit; PTX
/// of kernels that need no library function needs none. Reports errors at the module and fails.
mlir::FailureOr<std::string> serializeKernels(mlir::gpu::GPUModuleOp module, llvm::StringRef arch,
                                              GpuCode code, llvm::StringRef toolkit = "");

} // namespace tpc

#endif // TPC_TARGET_GPU_H
