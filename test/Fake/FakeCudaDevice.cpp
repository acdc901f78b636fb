// The rest of CUDA's runtime library that tpc's runtime uses: devices and what they are, pinned
// memory, kernels.
#include "FakeCudaDevice.h"

#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>

using tpc::test::FakeKernel;
using tpc::test::fakeMachine;

namespace tpc::test {

FakeMachine &fakeMachine() {
  static FakeMachine machine = [] {
    FakeMachine first;
    if (const char *devices = std::getenv("TPC_FAKE_CUDA_DEVICES"))
      first.devices = std::atoi(devices);
    return first;
  }();
  return machine;
}

std::vector<std::string> &fakeLaunches() {
  static std::vector<std::string> launches;
  return launches;
}

int &fakeGraphLaunches() {
  static int launches = 0;
  return launches;
}

} // namespace tpc::test

extern "C" {
cudaError_t cudaDriverGetVersion(int *version) {
  return *version = fakeMachine().driver, cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
  return *available = fakeMachine().freeBytes, *total = fakeMachine().totalBytes, cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int) {
  if (attribute == cudaDevAttrComputeCapabilityMajor)
    *value = fakeMachine().arch / 10;
  else if (attribute == cudaDevAttrComputeCapabilityMinor)
    *value = fakeMachine().arch % 10;
  else
    return cudaErrorInvalidValue;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  std::memset(properties, 0, sizeof(*properties));
  std::strcpy(properties->name, "Fake GPU");
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **address, size_t bytes) {
  return *address = std::malloc(bytes), cudaSuccess;
}
cudaError_t cudaFreeHost(void *address) { return std::free(address), cudaSuccess; }

cudaError_t cudaLibraryLoadData(cudaLibrary_t *library, const void *code, cudaJitOption *, void **,
                                unsigned, cudaLibraryOption *, void **, unsigned) {
  *library = reinterpret_cast<cudaLibrary_t>(const_cast<void *>(code));
  return cudaSuccess;
}
cudaError_t cudaLibraryUnload(cudaLibrary_t) { return cudaSuccess; }
cudaError_t cudaLibraryGetKernel(cudaKernel_t *kernel, cudaLibrary_t library, const char *name) {
  for (auto *at = reinterpret_cast<const FakeKernel *>(library); at->name; ++at)
    if (!std::strcmp(at->name, name)) {
      *kernel = reinterpret_cast<cudaKernel_t>(const_cast<FakeKernel *>(at));
      return cudaSuccess;
    }
  return cudaErrorSymbolNotFound;
}
cudaError_t cudaLaunchKernel(const void *function, dim3 blocks, dim3 threads, void **arguments,
                             size_t shared, cudaStream_t stream) {
  auto *kernel = static_cast<const FakeKernel *>(function);
  std::vector<char *> given; // copied when the launch is given, as CUDA does
  for (int i = 0; i < kernel->arguments; ++i)
    given.push_back(*static_cast<char **>(arguments[i]));
  tpc::test::fakeLaunches().push_back(std::string(kernel->name) + " <<<" +
                                      std::to_string(blocks.x) + ", " + std::to_string(threads.x) +
                                      ", " + std::to_string(shared) + ">>>");
  return tpc::test::giveTo(stream, [=] { kernel->function(given.data()); });
}
} // extern "C"
