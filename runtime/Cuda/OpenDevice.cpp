// Which GPU a rank takes, and all that can be wrong with it: found before the first kernel.
#include "Cuda/CudaDevice.h"
#include "Memory/Limit.h"

#include <algorithm>

namespace tpc::runtime {
namespace {

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// A driver may be missing, or older than the CUDA that the program was linked with.
void checkDriver(const DeviceOptions &options) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  std::string alternative = ", or compile with --target=cpu";
  if (driver == 0)
    throw Error("no NVIDIA driver on " + hostName() + ": this program is for a GPU (" +
                options.arch + "), run it where nvidia-smi lists one" + alternative);
  if (driver / 1000 < runtime / 1000)
    throw Error("the NVIDIA driver of " + hostName() + " knows CUDA up to " + versionText(driver) +
                ", this program was linked with " + versionText(runtime) +
                ": install a newer driver" + alternative);
}

int countDevices(const DeviceOptions &options) {
  int count = 0;
  cudaError_t code = cudaGetDeviceCount(&count);
  cudaGetLastError(); // the code is in hand
  if (code == cudaErrorNoDevice || (code == cudaSuccess && count == 0))
    throw Error("no GPU on " + hostName() + ": this program is for one (" + options.arch +
                "), run it where nvidia-smi lists one (CUDA_VISIBLE_DEVICES may hide it), or "
                "compile with --target=cpu");
  checkCuda(code, "cudaGetDeviceCount");
  return count;
}

/// "GPU 0 of HOST (NVIDIA H100)".
std::string describeDevice(int number) {
  cudaDeviceProp properties;
  std::string text = "GPU " + std::to_string(number) + " of " + hostName();
  if (cudaGetDeviceProperties(&properties, number) == cudaSuccess)
    text += std::string(" (") + properties.name + ")";
  return text;
}

/// A GPU of the host, and how many ranks take it.
struct Choice {
  int number, sharers;
};

/// Where launchers show each rank a GPU of its own, every rank sees one, whatever its number; that
/// the ranks' GPUs differ is checked once they have met (OwnDevice.h).
Choice chooseDevice(const DevicePlace &place, int count) {
  if (place.sharing == DevicePlace::First)
    return {0, place.ranks};
  if (place.sharing == DevicePlace::RoundRobin)
    return {place.rank % count, (place.ranks + count - 1) / count};
  if (place.rank < count)
    return {place.rank, 1};
  if (count == 1)
    return {0, 1};
  throw Error("rank " + std::to_string(place.rank) + " of " + hostName() +
              " has no GPU: the host has " + std::to_string(count) +
              ", each rank needs its own: " + "start at most " + std::to_string(count) +
              " ranks on it, or all ranks on one GPU with --comm=loopback");
}

/// 90 of "sm_90".
int architectureOf(const DeviceOptions &options) { return std::stoi(options.arch.substr(3)); }

/// Machine code of sm_XY runs on X.Y and the later minor versions of X.
void checkArch(const DeviceOptions &options, int number) {
  int major = 0, minor = 0;
  checkCuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, number),
            "cudaDeviceGetAttribute");
  checkCuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, number),
            "cudaDeviceGetAttribute");
  int wanted = architectureOf(options);
  if (major == wanted / 10 && minor >= wanted % 10)
    return;
  throw Error(describeDevice(number) + " is sm_" + std::to_string(10 * major + minor) +
              ", this program is for " + options.arch + ": compile with --arch=sm_" +
              std::to_string(10 * major) + " if tpc-compile --help lists it, or use another GPU");
}

std::string listMemory(const DeviceOptions &options) {
  std::string text;
  for (auto &[category, bytes] : options.memory)
    if (bytes > 0)
      text +=
          (text.empty() ? "" : ", ") + category + " " + printBytes(static_cast<uint64_t>(bytes));
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
  if (room > 0 && batch >= 1)
    return "compile with a --batch of at most about " +
           std::to_string(std::min(batch, options.batch - 1)) + " instead of " +
           std::to_string(options.batch) + ", or a larger tp";
  return "no --batch fits: compile for a larger tp, or with --dp-mode=fsdp on more ranks";
}

void checkMemory(const DeviceOptions &options, const Choice &choice) {
  size_t available = 0, total = 0;
  checkCuda(cudaMemGetInfo(&available, &total), "cudaMemGetInfo");
  auto sharers = static_cast<uint64_t>(choice.sharers);
  if (options.arenaBytes * sharers <= available)
    return;
  std::string count = sharers == 1 ? "" : std::to_string(sharers) + " x ";
  throw Error("not enough memory on " + describeDevice(choice.number) + ": the program needs " +
              count + printBytes(options.arenaBytes) + " (" + listMemory(options) + "), " +
              printBytes(available) + " of " + printBytes(total) +
              " are free: " + remedyFor(options, available / sharers));
}

} // namespace

std::unique_ptr<Device> openCudaDevice(const DeviceOptions &options) {
  checkDriver(options);
  Choice choice = chooseDevice(options.place, countDevices(options));
  checkArch(options, choice.number);
  checkCuda(cudaSetDevice(choice.number), "cudaSetDevice");
  checkMemory(options, choice);
  return std::make_unique<CudaDevice>(architectureOf(options), options.deterministic);
}

} // namespace tpc::runtime
