#include "tpc/runtime/Communicator.h"
#include <cstring>

namespace tpc::runtime {

HostCommunicator::~HostCommunicator() = default;

void HostCommunicator::broadcast(void *data, size_t bytes, int root) {
  std::vector<char> all(bytes * size());
  gatherHost(data, bytes, all.data());
  std::memcpy(data, all.data() + bytes * root, bytes);
}

} // namespace tpc::runtime
