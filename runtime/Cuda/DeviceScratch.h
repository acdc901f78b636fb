// Device memory that collectives use one after the other.
#ifndef TPC_RUNTIME_CUDA_DEVICESCRATCH_H
#define TPC_RUNTIME_CUDA_DEVICESCRATCH_H

#include "Cuda/Stream.h"

namespace tpc::runtime {

class DeviceScratch {
public:
  /// Begins with memory that somebody else owns.
  void use(char *given, size_t bytes) {
    memory = {given, [](char *) {}}, size = bytes;
  }
  /// At least `wanted` bytes for the work of `stream`; grown by the first collective that needs
  /// more.
  char *get(size_t wanted, cudaStream_t stream) {
    if (wanted > size) {
      checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); // what uses the old bytes
      memory.reset();
      memory = allocateDevice(wanted);
      size = wanted;
    }
    return memory.get();
  }

private:
  std::shared_ptr<char> memory;
  size_t size = 0;
};

} // namespace tpc::runtime

#endif
