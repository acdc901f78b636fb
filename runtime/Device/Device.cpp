#include "tpc/runtime/Device.h"

namespace tpc::runtime {

Device::~Device() = default;

} // namespace tpc::runtime
