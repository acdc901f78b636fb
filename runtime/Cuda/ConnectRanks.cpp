#include "Cuda/ConnectRanks.h"
#include "Cuda/LoopbackCommunicator.h"
#include "Cuda/NcclCommunicator.h"

namespace tpc::runtime {

void connectRanks(std::unique_ptr<Communicator> &communicator, const CommunicatorOptions &options,
                  cudaStream_t compute) {
  bool threads = communicator->name() == std::string("in-process");
  (threads ? connectLoopback : connectNccl)(communicator, options, compute);
}

} // namespace tpc::runtime
