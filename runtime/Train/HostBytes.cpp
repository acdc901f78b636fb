#include "Train/HostBytes.h"

namespace tpc::runtime {

HostBytes::HostBytes(Device &device, char *home, uint64_t size)
    : device(device), home(home), size(size) {
  if (!device.isHost())
    copy.reset(new char[size]);
}

void HostBytes::load() {
  if (copy)
    device.copyToHost(copy.get(), home, size);
}

void HostBytes::store() {
  if (copy)
    device.copyFromHost(home, copy.get(), size);
}

} // namespace tpc::runtime
