// What programs of target cuda refer to.
#include "Cuda/ConnectRanks.h"
#include "Cuda/CudaDevice.h"
#include "Cuda/OwnDevice.h"

using namespace tpc::runtime;

static void connectDevice(Device &device, std::unique_ptr<Communicator> &communicator,
                          const CommunicatorOptions &options) {
  if (!options.sharedDevices)
    checkOwnDevice(*communicator, identifyDevice());
  connectRanks(communicator, options, static_cast<CudaDevice &>(device).stream());
}

extern "C" const tpc_backend tpc_cuda_backend = {openCudaDevice, connectDevice};
