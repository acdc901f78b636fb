// Streams and events of CUDA's runtime library over host memory: a stream is a thread that does
// what it is given in order, an event a number it counts up. Work is late by a random time, so that
// whoever forgets to wait reads old values.
#include "FakeStream.h"
#include "FakeCudaDevice.h"

#include <unistd.h>

using namespace tpc::test;

namespace {
std::mutex streamsMutex;
std::vector<CUstream_st *> streams; ///< of the process, kept until it ends; not the legacy one

int currentDevice() {
  int device = 0;
  cudaGetDevice(&device);
  return device;
}
} // namespace

CUstream_st::CUstream_st() : device(currentDevice()), thread([this] { work(); }) {}

void CUstream_st::end() {
  capture.reset();
  give([this] { stop = true; });
  thread.join();
}

void CUstream_st::give(std::function<void()> task) {
  if (capture) {
    std::set<size_t> &ends = capture->ends[this];
    capture->graph.nodes.push_back({std::move(task), ends});
    ends = {capture->graph.nodes.size() - 1};
    return;
  }
  std::lock_guard<std::mutex> lock(mutex);
  tasks.push_back(std::move(task));
  changed.notify_all();
}

void CUstream_st::drain() {
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return tasks.empty() && !busy; });
}

void CUstream_st::work() {
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

CUstream_st &tpc::test::legacyStream() {
  static std::mutex mutex;
  static std::map<pid_t, CUstream_st *> byProcess; // a fork leaves its threads behind
  std::lock_guard<std::mutex> lock(mutex);
  CUstream_st *&stream = byProcess[getpid()];
  return stream ? *stream : *(stream = new CUstream_st);
}

void tpc::test::drainDevice() {
  legacyStream().drain();
  std::vector<CUstream_st *> all;
  {
    std::lock_guard<std::mutex> lock(streamsMutex);
    all = streams;
  }
  for (CUstream_st *stream : all)
    if (stream->device == currentDevice())
      stream->drain();
}

std::vector<int> &tpc::test::fakeStreamPriorities() {
  static std::vector<int> priorities;
  return priorities;
}

cudaError_t tpc::test::giveTo(cudaStream_t stream, std::function<void()> task) {
  if (!stream)
    return cudaErrorInvalidResourceHandle; // the runtime always names its stream
  stream->give(std::move(task));
  return cudaSuccess;
}

extern "C" {
cudaError_t cudaDeviceGetStreamPriorityRange(int *lowest, int *highest) {
  return *lowest = 0, *highest = -5, cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned, int priority) {
  *stream = new CUstream_st;
  std::lock_guard<std::mutex> lock(streamsMutex);
  streams.push_back(*stream);
  fakeStreamPriorities().push_back(priority);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return stream->end(), cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream == cudaStreamLegacy)
    return legacyStream().drain(), cudaSuccess;
  if (stream->capture)
    return forbidInCapture();
  return stream->drain(), cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  if (cudaError_t code = forbidInCapture())
    return code;
  return drainDevice(), cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  return *event = new CUevent_st(!(flags & cudaEventDisableTiming)), cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t) {
  return cudaSuccess; // work under way may still use it; the process is a test and ends soon
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  std::lock_guard<std::mutex> lock(event->mutex);
  event->capture = stream->capture;
  if (stream->capture)
    return event->nodes = stream->capture->ends[stream], cudaSuccess;
  uint64_t number = ++event->recorded;
  return giveTo(stream, [=] {
    std::lock_guard<std::mutex> lock(event->mutex);
    event->reached = number;
    event->time = std::chrono::steady_clock::now();
    event->changed.notify_all();
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (cudaError_t code = forbidInCapture())
    return code;
  std::lock_guard<std::mutex> lock(event->mutex);
  if (!event->capture.expired())
    return cudaErrorCapturedEvent;
  return event->reached == event->recorded ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (cudaError_t code = forbidInCapture())
    return code;
  std::unique_lock<std::mutex> lock(event->mutex);
  if (!event->capture.expired())
    return cudaErrorCapturedEvent;
  event->changed.wait(lock, [&] { return event->reached == event->recorded; });
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->timed || !end->timed || !begin->recorded || !end->recorded)
    return cudaErrorInvalidResourceHandle;
  if (cudaEventQuery(begin) != cudaSuccess || cudaEventQuery(end) != cudaSuccess)
    return cudaErrorNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard<std::mutex> lock(event->mutex);
  if (std::shared_ptr<Capture> capture = event->capture.lock()) {
    if (stream->capture && stream->capture != capture)
      return cudaErrorStreamCaptureMerge;
    stream->capture = capture; // the stream takes part from now on
    capture->ends[stream].insert(event->nodes.begin(), event->nodes.end());
    return cudaSuccess;
  }
  if (stream->capture) { // what is recorded cannot wait for what was given before
    stream->capture->invalid = true;
    return cudaErrorStreamCaptureIsolation;
  }
  uint64_t number = event->recorded;
  return giveTo(stream, [=] {
    std::unique_lock<std::mutex> lock(event->mutex);
    event->changed.wait(lock, [&] { return event->reached >= number; });
  });
}
} // extern "C"
