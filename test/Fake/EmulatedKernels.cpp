// Kernels that the compiler made, on the stand-in's GPU: an executable with this file has, in the
// place of the stand-in's functions for device code, ones that take a kernel's body from a shared
// object made by tpc-emulate-kernels.
#include "EmulatedKernels.h"
#include "FakeCudaDevice.h"

#include <cstdint>
#include <dlfcn.h>
#include <mutex>
#include <string>
#include <vector>

extern "C" void tpc_emulate(void (*kernel)(const uint64_t *), const uint64_t *parameters,
                            int64_t blocks, int64_t threads);

using namespace tpc::test;

namespace {
struct EmulatedKernel {
  void (*body)(const uint64_t *parameters);
  int64_t parameters;
  bool table; ///< they are one parameter
};

void *bodies = nullptr;

} // namespace

void tpc::test::takeKernelsFrom(void *object) { bodies = object; }

extern "C" {
/// Machine code is what the compiler puts into an object for a GPU: an ELF file.
cudaError_t cudaLibraryLoadData(cudaLibrary_t *library, const void *code, cudaJitOption *, void **,
                                unsigned, cudaLibraryOption *, void **, unsigned) {
  *library = reinterpret_cast<cudaLibrary_t>(bodies);
  return std::string(static_cast<const char *>(code), 4) == "\177ELF" ? cudaSuccess
                                                                      : cudaErrorInvalidKernelImage;
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t *kernel, cudaLibrary_t library, const char *name) {
  void *body = dlsym(library, name),
       *parameters = dlsym(library, (std::string(name) + "_parameters").c_str()),
       *table = dlsym(library, (std::string(name) + "_table").c_str());
  if (!body || !parameters || !table)
    return cudaErrorSymbolNotFound;
  auto *found =
      new EmulatedKernel{reinterpret_cast<void (*)(const uint64_t *)>(body),
                         *static_cast<int64_t *>(parameters), *static_cast<int64_t *>(table) != 0};
  *kernel = reinterpret_cast<cudaKernel_t>(found); // until the process ends
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void *function, dim3 blocks, dim3 threads, void **arguments,
                             size_t, cudaStream_t stream) {
  auto &kernel = *static_cast<const EmulatedKernel *>(function);
  std::vector<uint64_t> given; // copied when the launch is given, as CUDA does
  for (int64_t i = 0; i < kernel.parameters; ++i)
    given.push_back(kernel.table ? static_cast<uint64_t *>(arguments[0])[i]
                                 : *static_cast<uint64_t *>(arguments[i]));
  return giveTo(stream, [=, &kernel] {
    static std::mutex mutex; // memory that the threads of a block share is a global of the object
    std::lock_guard<std::mutex> lock(mutex);
    tpc_emulate(kernel.body, given.data(), blocks.x, threads.x);
  });
}
} // extern "C"
