// The part of CUDA's runtime library that tpc's runtime uses, over host memory: devices, memory and
// copies. Fresh memory is full of NaN; what is given to the default stream is late by milliseconds.
#include "FakeCudaDevice.h"
#include "FakeStream.h"

#include <cstdlib>
#include <cstring>

using namespace tpc::test;

namespace {
thread_local int deviceOfThread = 0;
}

extern "C" {
cudaError_t cudaGetDeviceCount(int *count) {
  *count = fakeMachine().devices;
  return *count ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDevice(int *device) { return *device = deviceOfThread, cudaSuccess; }
cudaError_t cudaSetDevice(int device) {
  if (device >= fakeMachine().devices)
    return cudaErrorInvalidDevice;
  return deviceOfThread = device, cudaSuccess;
}
const char *cudaGetErrorName(cudaError_t) { return "cudaErrorOfTheFake"; }
const char *cudaGetErrorString(cudaError_t code) {
  return code == cudaErrorMemoryAllocation ? "out of memory" : "an error of the fake";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaMalloc(void **address, size_t bytes) {
  if (cudaError_t code = forbidInCapture())
    return code;
  if (bytes > fakeMachine().largestAllocation)
    return cudaErrorMemoryAllocation;
  *address = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*address, 0xff, bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void *address) {
  if (cudaError_t code = forbidInCapture())
    return code;
  drainDevice(); // as CUDA does
  return std::free(address), cudaSuccess;
}
cudaError_t cudaMemset(void *address, int value, size_t bytes) {
  return giveTo(&legacyStream(), [=] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::memset(address, value, bytes);
  });
}

cudaError_t cudaMemcpyAsync(void *target, const void *source, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return giveTo(stream, [=] { std::memcpy(target, source, bytes); });
}
cudaError_t cudaMemcpy2DAsync(void *target, size_t targetPitch, const void *source,
                              size_t sourcePitch, size_t width, size_t height, cudaMemcpyKind,
                              cudaStream_t stream) {
  if (width > targetPitch || width > sourcePitch)
    return cudaErrorInvalidPitchValue;
  return giveTo(stream, [=] {
    for (size_t row = 0; row < height; ++row)
      std::memcpy(static_cast<char *>(target) + row * targetPitch,
                  static_cast<const char *>(source) + row * sourcePitch, width);
  });
}
cudaError_t cudaMemsetAsync(void *address, int value, size_t bytes, cudaStream_t stream) {
  return giveTo(stream, [=] { std::memset(address, value, bytes); });
}
} // extern "C"
