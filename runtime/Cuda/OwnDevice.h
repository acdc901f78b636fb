// Whether every rank has a GPU of its own.
#ifndef TPC_RUNTIME_CUDA_OWNDEVICE_H
#define TPC_RUNTIME_CUDA_OWNDEVICE_H

#include "tpc/runtime/Communicator.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// The calling thread's current GPU; all zero where it has no identifier.
cudaUUID_t identifyDevice();

/// All ranks call it with what they drive; throws Error on all of them if two drive the same GPU.
/// GPUs without an identifier are taken to differ.
void checkOwnDevice(HostCommunicator &ranks, const cudaUUID_t &device);

} // namespace tpc::runtime

#endif
