// Streams and events of CUDA, owned.
#ifndef TPC_RUNTIME_CUDA_STREAM_H
#define TPC_RUNTIME_CUDA_STREAM_H

#include "Cuda/CudaError.h"
#include <memory>

namespace tpc::runtime {

/// A point in a stream's work that other streams and threads can wait for. Keeps no time.
class Event {
public:
  Event() {
    checkCuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  }
  ~Event() { cudaEventDestroy(event); }
  Event(const Event &) = delete;
  Event &operator=(const Event &) = delete;

  /// After all work given to `stream` so far.
  void record(cudaStream_t stream) const {
    checkCuda(cudaEventRecord(event, stream), "cudaEventRecord");
  }
  /// Work given to `stream` from now on begins after the event.
  void holdUp(cudaStream_t stream) const {
    checkCuda(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent");
  }
  /// Whether the event has come; a failure of the device counts as that, whoever synchronizes
  /// reports it.
  bool reached() const { return cudaEventQuery(event) != cudaErrorNotReady; }

private:
  cudaEvent_t event = nullptr;
};

/// Where a GPU has work of several streams to choose from.
enum class Priority {
  Low, ///< of what computes: it is long
  High ///< of what is short, and what others wait for
};

/// A stream that does not wait for the default one.
class Stream {
public:
  explicit Stream(Priority priority) {
    int lowest = 0, highest = 0;
    checkCuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest),
              "cudaDeviceGetStreamPriorityRange");
    checkCuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking,
                                           priority == Priority::High ? highest : lowest),
              "cudaStreamCreate");
  }
  ~Stream() { cudaStreamDestroy(stream); }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  cudaStream_t get() const { return stream; }

private:
  cudaStream_t stream = nullptr;
};

/// Device memory full of zeros before this returns: the memset itself is not waited for, and no
/// stream of ours comes after it.
inline void zeroDevice(void *address, size_t bytes) {
  checkCuda(cudaMemset(address, 0, bytes), "cudaMemset");
  checkCuda(cudaStreamSynchronize(cudaStreamLegacy), "cudaMemset");
}

/// Device memory as it comes. Throws OutOfMemory.
inline void *takeDeviceMemory(size_t bytes) {
  void *address = nullptr;
  cudaError_t code = cudaMalloc(&address, bytes);
  if (code == cudaErrorMemoryAllocation)
    throw OutOfMemory(bytes);
  checkCuda(code, "cudaMalloc");
  return address;
}

/// Device memory, zeroed; null if `bytes` is 0. It goes when the work given to the GPU is done.
/// Throws OutOfMemory.
inline std::shared_ptr<char> allocateDevice(size_t bytes) {
  if (bytes == 0)
    return nullptr;
  void *address = takeDeviceMemory(bytes);
  std::shared_ptr<char> memory(static_cast<char *>(address), [](char *base) {
    cudaDeviceSynchronize();
    cudaFree(base);
  });
  zeroDevice(address, bytes);
  return memory;
}

} // namespace tpc::runtime

#endif
