// Failures of the CUDA runtime as Errors.
#ifndef TPC_RUNTIME_CUDA_CUDAERROR_H
#define TPC_RUNTIME_CUDA_CUDAERROR_H

#include <cuda_runtime_api.h>
#include <string>

namespace tpc::runtime {

/// Throws Error "HOST: WHAT failed: TEXT (cudaErrorName)" unless `code` is cudaSuccess.
void checkCuda(cudaError_t code, const char *what);

} // namespace tpc::runtime

#endif
