#include "tpc/runtime/Device.h"

namespace tpc::runtime {

Mark::~Mark() = default;
Recording::~Recording() = default;
Device::~Device() = default;

void Device::beginRecording() {
  throw Error(std::string("work of device '") + name() + "' cannot be recorded");
}

std::unique_ptr<Recording> Device::endRecording() { return nullptr; }

void Device::replay(const Recording &) {}

} // namespace tpc::runtime
