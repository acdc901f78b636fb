// A rank's threads.
//
// oneDNN's Debian build runs on libgomp. A second OpenMP runtime in the process (clang's -fopenmp
// brings libomp) would mean two pools of threads that spin against each other, so nothing here is
// compiled with -fopenmp: this file calls libgomp's entry point directly, and kernels and oneDNN
// share one pool whichever compiler built us.
#ifndef TPC_RUNTIME_DEVICE_THREADS_H
#define TPC_RUNTIME_DEVICE_THREADS_H

#include <cstdint>
#include <type_traits>

namespace tpc::runtime {

/// Makes libraries that ask OpenMP (oneDNN) use `threads` threads when called from this thread.
void setLibraryThreads(int threads);

/// Calls `body(data, thread)` for every thread in [0, threads), in parallel; returns when all are
/// done.
void runOnThreads(int threads, void (*body)(void *data, int thread), void *data);

/// Splits [0, extent) into one contiguous range per thread, cut at multiples of `grain`, and calls
/// `body(begin, end)` for each that is not empty. The split depends on its arguments only.
template <typename Body>
void parallelFor(int threads, int64_t extent, int64_t grain, Body &&body);

/// Calls `body(item, thread)` for every item of [0, count); threads take the next item when they
/// are free. For items of unequal cost that write disjoint results.
template <typename Body>
void parallelItems(int threads, int64_t count, Body &&body);

/// The part of [0, extent) that `thread` of `threads` gets, in multiples of `grain`.
struct Range {
  int64_t begin, end;
};
Range rangeOfThread(int64_t extent, int64_t grain, int threads, int thread);

template <typename Body>
void parallelFor(int threads, int64_t extent, int64_t grain, Body &&body) {
  struct Call {
    std::remove_reference_t<Body> *body;
    int64_t extent, grain;
    int threads;
  } call{&body, extent, grain, threads};
  runOnThreads(
      threads,
      [](void *data, int thread) {
        auto &call = *static_cast<Call *>(data);
        Range range = rangeOfThread(call.extent, call.grain, call.threads, thread);
        if (range.begin < range.end)
          (*call.body)(range.begin, range.end);
      },
      &call);
}

template <typename Body>
void parallelItems(int threads, int64_t count, Body &&body) {
  struct Call {
    std::remove_reference_t<Body> *body;
    int64_t count;
    int64_t next;
  } call{&body, count, 0};
  runOnThreads(
      static_cast<int64_t>(threads) < count ? threads : static_cast<int>(count),
      [](void *data, int thread) {
        auto &call = *static_cast<Call *>(data);
        while (true) {
          int64_t item = __atomic_fetch_add(&call.next, 1, __ATOMIC_RELAXED);
          if (item >= call.count)
            return;
          (*call.body)(item, thread);
        }
      },
      &call);
}

} // namespace tpc::runtime

#endif
