#include "Cuda/CudaError.h"
#include "tpc/runtime/Error.h"

namespace tpc::runtime {

void checkCuda(cudaError_t code, const char *what) {
  if (code == cudaSuccess)
    return;
  throw Error(hostName() + ": " + what + " failed: " + cudaGetErrorString(code) + " (" +
              cudaGetErrorName(code) + ")");
}

} // namespace tpc::runtime
