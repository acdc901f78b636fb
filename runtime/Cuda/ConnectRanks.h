// Which communicator the ranks of a GPU program get.
#ifndef TPC_RUNTIME_CUDA_CONNECTRANKS_H
#define TPC_RUNTIME_CUDA_CONNECTRANKS_H

#include "tpc/runtime/Communicator.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Puts a communicator on device memory in the place of `communicator`: a loopback where the ranks
/// are threads of this process, else one over NCCL. Throws Error and leaves it.
void connectRanks(std::unique_ptr<Communicator> &communicator, const CommunicatorOptions &options,
                  cudaStream_t compute);

} // namespace tpc::runtime

#endif
