// Failures of the CUDA runtime as Errors.
#ifndef TPC_RUNTIME_CUDA_CUDAERROR_H
#define TPC_RUNTIME_CUDA_CUDAERROR_H

#include "tpc/runtime/Error.h"
#include <cstdint>
#include <cuda_runtime_api.h>
#include <string>

namespace tpc::runtime {

/// Throws Error "HOST: WHAT failed: TEXT (cudaErrorName)" unless `code` is cudaSuccess.
void checkCuda(cudaError_t code, const char *what);

/// An allocation that failed; its text has a remedy.
class OutOfMemory : public Error {
public:
  explicit OutOfMemory(uint64_t bytes);
};

} // namespace tpc::runtime

#endif
