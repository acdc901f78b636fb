#include "Cuda/Staging.h"

#include <cstring>

namespace tpc::runtime {

Staging::Staging(cudaStream_t stream) : stream(stream) {
  void *memory = nullptr;
  checkCuda(cudaMallocHost(&memory, capacity), "cudaMallocHost");
  ring = static_cast<char *>(memory);
}

Staging::~Staging() { cudaFreeHost(ring); }

void Staging::copy(char *to, const void *from, size_t bytes) {
  if (bytes > capacity / 4) {
    checkCuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
    checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return;
  }
  if (used + bytes > capacity) {
    checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    used = 0;
  }
  std::memcpy(ring + used, from, bytes);
  checkCuda(cudaMemcpyAsync(to, ring + used, bytes, cudaMemcpyHostToDevice, stream),
            "cudaMemcpyAsync");
  used += (bytes + 15) / 16 * 16;
}

} // namespace tpc::runtime
