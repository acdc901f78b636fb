// A part of the arena as host code sees it.
#ifndef TPC_RUNTIME_TRAIN_HOSTBYTES_H
#define TPC_RUNTIME_TRAIN_HOSTBYTES_H

#include "tpc/runtime/Device.h"

namespace tpc::runtime {

/// On a processor the bytes themselves, on a GPU a copy of them.
class HostBytes {
public:
  HostBytes(Device &device, char *home, uint64_t size);
  char *data() const { return device.isHost() ? home : copy.get(); }
  /// Takes what the device has there.
  void load();
  /// Gives the device what data() holds.
  void store();

private:
  Device &device;
  char *home;
  uint64_t size;
  std::unique_ptr<char[]> copy;
};

} // namespace tpc::runtime

#endif
