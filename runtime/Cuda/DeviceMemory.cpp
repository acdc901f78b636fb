#include "Cuda/DeviceMemory.h"
#include "Cuda/CudaError.h"
#include "Memory/Limit.h"

#include <algorithm>

namespace tpc::runtime {
namespace {

std::string listMemory(const DeviceOptions &options) {
  std::string text;
  auto add = [&](const std::string &category, uint64_t bytes) {
    if (bytes > 0)
      text += (text.empty() ? "" : ", ") + category + " " + printBytes(bytes);
  };
  for (auto &[category, bytes] : options.memory)
    add(category, static_cast<uint64_t>(bytes));
  return text;
}

/// What of the program would fit: its activations and what is communicated grow with the batch.
std::string remedyFor(const DeviceOptions &options, uint64_t available) {
  double growing = 0, fixed = 0;
  for (auto &[category, bytes] : options.memory)
    (category == "activations" || category == "communication" ? growing : fixed) +=
        static_cast<double>(bytes);
  double room = static_cast<double>(available) - fixed;
  auto batch =
      growing > 0 ? static_cast<int64_t>(room / growing * static_cast<double>(options.batch)) : 0;
  batch = std::min(batch, options.batch - 1);
  if (room > 0 && batch >= 1)
    return "compile with a --batch of at most about " + std::to_string(batch) + " instead of " +
           std::to_string(options.batch) + ", or a larger tp";
  return "no --batch fits: compile for a larger tp, or with --dp-mode=fsdp on more ranks";
}

/// Between "not enough memory" and the remedy. `free` and `total` of the GPU, without the reserve.
std::string describe(const DeviceOptions &options, const DeviceChoice &choice, uint64_t free,
                     uint64_t total) {
  auto sharers = static_cast<uint64_t>(choice.sharers);
  uint64_t reserved = reservedBytes(options), room = free > reserved ? free - reserved : 0;
  std::string count = sharers == 1 ? "" : std::to_string(sharers) + " x ";
  return "the program needs " + count + printBytes(options.arenaBytes) + " (" +
         listMemory(options) + ") and " + printBytes(reserved) + " for libraries, " +
         printBytes(free) + " of " + printBytes(total) +
         " are free: " + remedyFor(options, room / sharers);
}

} // namespace

std::string describeDevice(int number) {
  cudaDeviceProp properties;
  std::string text = "GPU " + std::to_string(number) + " of " + hostName();
  if (cudaGetDeviceProperties(&properties, number) == cudaSuccess)
    text += std::string(" (") + properties.name + ")";
  return text;
}

uint64_t reservedBytes(const DeviceOptions &options) {
  constexpr uint64_t kEach = uint64_t(512) << 20;
  return options.collectives.empty() ? kEach : 2 * kEach;
}

void checkMemory(const DeviceOptions &options, const DeviceChoice &choice) {
  size_t free = 0, total = 0;
  checkCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  uint64_t needed = options.arenaBytes * static_cast<uint64_t>(choice.sharers);
  if (needed + reservedBytes(options) > free)
    throw Error("not enough memory on " + describeDevice(choice.number) + ": " +
                describe(options, choice, free, total));
}

std::string describeLack(const DeviceOptions &options, const DeviceChoice &choice, uint64_t bytes) {
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  return "no memory for " + printBytes(bytes) + " on " + describeDevice(choice.number) +
         ", another program may have taken it since the start: " +
         describe(options, choice, free, total);
}

} // namespace tpc::runtime
