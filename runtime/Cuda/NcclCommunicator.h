// Collectives between the GPUs of a job.
#ifndef TPC_RUNTIME_CUDA_NCCLCOMMUNICATOR_H
#define TPC_RUNTIME_CUDA_NCCLCOMMUNICATOR_H

#include "tpc/runtime/Communicator.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Puts a communicator over NCCL in the place of `communicator`, whose ranks are processes.
/// Everything of the host (meeting, small data, failures) stays with that one; NCCL gets its id
/// through it, so no server is needed.
///
/// The calling thread's current device is the rank's. Collectives run on a stream of their own:
/// start() lets them begin after the work given to `compute` so far, wait() holds up what is given
/// to `compute` afterwards; neither waits itself. Between record() and its end they are
/// recorded into a CUDA graph of `compute`. Reductions are NCCL's: all ranks get the same bits, in
/// an order of its own.
///
/// A world of one rank needs no NCCL. Throws Error, and leaves `communicator`, if NCCL is missing
/// or too old, differs between ranks, or does not connect them within the time-out.
void connectNccl(std::unique_ptr<Communicator> &communicator, const CommunicatorOptions &options,
                 cudaStream_t compute);

} // namespace tpc::runtime

#endif
