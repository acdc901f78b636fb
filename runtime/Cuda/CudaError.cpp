#include "Cuda/CudaError.h"
#include "Memory/Limit.h"

namespace tpc::runtime {

void checkCuda(cudaError_t code, const char *what) {
  if (code == cudaSuccess)
    return;
  throw Error(hostName() + ": " + what + " failed: " + cudaGetErrorString(code) + " (" +
              cudaGetErrorName(code) + ")");
}

OutOfMemory::OutOfMemory(uint64_t bytes)
    : Error(hostName() + ": the GPU has no " + printBytes(bytes) +
            " left: compile with a smaller --batch or a larger tp") {}

} // namespace tpc::runtime
