// Collectives between ranks that are threads of one process and share one device.
#ifndef TPC_RUNTIME_CUDA_LOOPBACKCOMMUNICATOR_H
#define TPC_RUNTIME_CUDA_LOOPBACKCOMMUNICATOR_H

#include "tpc/runtime/Communicator.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Puts in the place of `communicator`, one of createInProcessCommunicators, one whose region and
/// collectives are of the device's memory: copies and reductions on a stream of the rank's own,
/// ordered between ranks by events. For tests of numbers, not for speed: the ranks' threads meet
/// twice in each start(). Results have the bits of communication on hosts. At most kMostSources
/// ranks. Throws Error and leaves `communicator`.
void connectLoopback(std::unique_ptr<Communicator> &communicator,
                     const CommunicatorOptions &options, cudaStream_t compute);

} // namespace tpc::runtime

#endif
