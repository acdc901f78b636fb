#include "Device/Threads.h"

#include <algorithm>

// libgomp's stable entry points (libgomp.so.1), declared here because omp.h belongs to whichever
// compiler is used.
extern "C" {
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void omp_set_num_threads(int threads);
}

namespace tpc::runtime {

void setLibraryThreads(int threads) { omp_set_num_threads(threads); }

void runOnThreads(int threads, void (*body)(void *data, int thread), void *data) {
  if (threads <= 1)
    return threads == 1 ? body(data, 0) : void();
  struct Call {
    void (*body)(void *, int);
    void *data;
    int threads;
  } call{body, data, threads};
  GOMP_parallel(
      [](void *opaque) {
        auto *call = static_cast<Call *>(opaque);
        // OMP_THREAD_LIMIT may grant fewer threads than asked for: the work of all is done all the
        // same.
        for (int thread = omp_get_thread_num(); thread < call->threads;
             thread += omp_get_num_threads())
          call->body(call->data, thread);
      },
      &call, static_cast<unsigned>(threads), 0);
}

Range rangeOfThread(int64_t extent, int64_t grain, int threads, int thread) {
  grain = std::max<int64_t>(grain, 1);
  int64_t pieces = (extent + grain - 1) / grain;
  int64_t first = pieces * thread / threads, last = pieces * (thread + 1) / threads;
  return {std::min(first * grain, extent), std::min(last * grain, extent)};
}

} // namespace tpc::runtime
