// Which GPU a rank takes, and all that can be wrong with it: found before the first kernel.
#include "Cuda/CudaDevice.h"
#include "Cuda/DeviceMemory.h"

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

/// Where launchers show each rank a GPU of its own, every rank sees one, whatever its number; that
/// the ranks' GPUs differ is checked once they have met (OwnDevice.h).
DeviceChoice chooseDevice(const DevicePlace &place, int count) {
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

} // namespace

std::unique_ptr<Device> openCudaDevice(const DeviceOptions &options) {
  checkDriver(options);
  DeviceChoice choice = chooseDevice(options.place, countDevices(options));
  checkArch(options, choice.number);
  checkCuda(cudaSetDevice(choice.number), "cudaSetDevice");
  checkMemory(options, choice);
  return std::make_unique<CudaDevice>(options, choice);
}

} // namespace tpc::runtime
