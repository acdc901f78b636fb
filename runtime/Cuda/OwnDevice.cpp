#include "Cuda/OwnDevice.h"
#include "Cuda/CudaError.h"
#include "tpc/runtime/Error.h"

#include <map>
#include <vector>

namespace tpc::runtime {

cudaUUID_t identifyDevice() {
  int device = 0;
  cudaDeviceProp properties;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  checkCuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return properties.uuid;
}

void checkOwnDevice(HostCommunicator &ranks, const cudaUUID_t &device) {
  std::vector<cudaUUID_t> all(static_cast<size_t>(ranks.size()));
  ranks.gatherHost(&device, sizeof(device), all.data());
  std::map<std::string, int> drivers;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    std::string identifier(all[static_cast<size_t>(rank)].bytes, sizeof(cudaUUID_t::bytes));
    if (identifier == std::string(sizeof(cudaUUID_t::bytes), 0))
      continue;
    auto [other, isNew] = drivers.emplace(identifier, rank);
    if (!isNew)
      throw Error("ranks " + std::to_string(other->second) + " and " + std::to_string(rank) +
                  " have one GPU (" + ranks.describe(rank) +
                  "), each rank needs its own: start "
                  "fewer ranks, or show each its own in CUDA_VISIBLE_DEVICES; for tests, all ranks "
                  "on one GPU with --comm=loopback, or --share-gpu");
  }
}

} // namespace tpc::runtime
