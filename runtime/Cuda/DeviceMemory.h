// Whether what a program needs fits into a GPU, and what would.
#ifndef TPC_RUNTIME_CUDA_DEVICEMEMORY_H
#define TPC_RUNTIME_CUDA_DEVICEMEMORY_H

#include "tpc/runtime/Device.h"

namespace tpc::runtime {

/// A GPU of the host, and how many ranks take it.
struct DeviceChoice {
  int number = 0, sharers = 1;
};

/// "GPU 0 of HOST (NVIDIA H100)".
std::string describeDevice(int number);

/// What is left free for CUDA, its libraries and NCCL, whose needs nobody can ask for: an
/// estimate, 512 MiB, and as much again for buffers of NCCL where ranks communicate.
uint64_t reservedBytes(const DeviceOptions &options);

/// Throws Error if the arenas and the scratch memory of all ranks of the GPU do not fit beside
/// that. The text has what the memory is for, and the largest batch that would fit.
void checkMemory(const DeviceOptions &options, const DeviceChoice &choice);

/// The same text, for when the GPU was asked for `bytes` and had them no longer.
std::string describeLack(const DeviceOptions &options, const DeviceChoice &choice, uint64_t bytes);

} // namespace tpc::runtime

#endif
