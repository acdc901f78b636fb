// The part of CUDA's runtime library that tpc's runtime uses, over host memory: a stream is a
// thread that does what it is given in order, an event a number it counts up. Work is late by a
// random time, so that whoever forgets to wait reads old values; fresh memory is full of NaN.
#include "FakeCudaDevice.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

struct CUevent_st {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t recorded = 0, reached = 0;
};

struct CUstream_st {
  CUstream_st() : thread([this] { work(); }) {}
  ~CUstream_st() {
    give([this] { stop = true; });
    thread.join();
  }

  void give(std::function<void()> task) {
    std::lock_guard<std::mutex> lock(mutex);
    tasks.push_back(std::move(task));
    changed.notify_all();
  }

  void drain() {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return tasks.empty() && !busy; });
  }

private:
  void work() {
    std::minstd_rand random(static_cast<unsigned>(reinterpret_cast<uintptr_t>(this) >> 4));
    std::unique_lock<std::mutex> lock(mutex);
    while (!stop) {
      changed.wait(lock, [&] { return !tasks.empty(); });
      std::function<void()> task = std::move(tasks.front());
      tasks.pop_front();
      busy = true;
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
      task();
      task = nullptr;
      lock.lock();
      busy = false;
      changed.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;
  bool busy = false, stop = false;
  std::thread thread; // last: it uses the others
};

namespace {
cudaError_t on(cudaStream_t stream, std::function<void()> task) {
  if (!stream)
    return cudaErrorInvalidResourceHandle; // the runtime always names its stream
  stream->give(std::move(task));
  return cudaSuccess;
}
} // namespace

extern "C" {
cudaError_t cudaGetDeviceCount(int *count) {
  *count = tpc::test::fakeMachine().devices;
  return *count ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDevice(int *device) { return *device = 0, cudaSuccess; }
cudaError_t cudaSetDevice(int device) {
  return device < tpc::test::fakeMachine().devices ? cudaSuccess : cudaErrorInvalidDevice;
}
const char *cudaGetErrorName(cudaError_t) { return "cudaErrorOfTheFake"; }
const char *cudaGetErrorString(cudaError_t code) {
  return code == cudaErrorMemoryAllocation ? "out of memory" : "an error of the fake";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaMalloc(void **address, size_t bytes) {
  if (bytes > (size_t(1) << 36))
    return cudaErrorMemoryAllocation;
  *address = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*address, 0xff, bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void *address) { return std::free(address), cudaSuccess; }
cudaError_t cudaMemset(void *address, int value, size_t bytes) {
  return std::memset(address, value, bytes), cudaSuccess;
}
cudaError_t cudaMemcpy(void *target, const void *source, size_t bytes, cudaMemcpyKind) {
  return std::memcpy(target, source, bytes), cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *target, const void *source, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return on(stream, [=] { std::memcpy(target, source, bytes); });
}
cudaError_t cudaMemcpy2DAsync(void *target, size_t targetPitch, const void *source,
                              size_t sourcePitch, size_t width, size_t height, cudaMemcpyKind,
                              cudaStream_t stream) {
  if (width > targetPitch || width > sourcePitch)
    return cudaErrorInvalidPitchValue;
  return on(stream, [=] {
    for (size_t row = 0; row < height; ++row)
      std::memcpy(static_cast<char *>(target) + row * targetPitch,
                  static_cast<const char *>(source) + row * sourcePitch, width);
  });
}
cudaError_t cudaMemsetAsync(void *address, int value, size_t bytes, cudaStream_t stream) {
  return on(stream, [=] { std::memset(address, value, bytes); });
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *data) {
  return on(stream, [=] { function(data); });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *lowest, int *highest) {
  return *lowest = 0, *highest = -5, cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned, int) {
  return *stream = new CUstream_st, cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
  return *stream = new CUstream_st, cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return delete stream, cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return stream->drain(), cudaSuccess; }
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus *status) {
  return *status = cudaStreamCaptureStatusNone, cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  return *event = new CUevent_st, cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t) {
  return cudaSuccess; // work under way may still use it; the process is a test and ends soon
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  std::lock_guard<std::mutex> lock(event->mutex);
  uint64_t number = ++event->recorded;
  return on(stream, [=] {
    std::lock_guard<std::mutex> lock(event->mutex);
    event->reached = number;
    event->changed.notify_all();
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::lock_guard<std::mutex> lock(event->mutex);
  return event->reached == event->recorded ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard<std::mutex> lock(event->mutex);
  uint64_t number = event->recorded;
  return on(stream, [=] {
    std::unique_lock<std::mutex> lock(event->mutex);
    event->changed.wait(lock, [&] { return event->reached >= number; });
  });
}
} // extern "C"
