// Streams, events and graphs of the stand-in for CUDA's runtime library.
#ifndef TPC_TEST_FAKE_FAKESTREAM_H
#define TPC_TEST_FAKE_FAKESTREAM_H

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

/// What a capture has recorded: work, and what each piece waits for.
struct CUgraph_st {
  struct Node {
    std::function<void()> work;
    std::set<size_t> after;
  };
  std::vector<Node> nodes;

  /// All nodes, each after those it waits for, otherwise in an order of chance.
  void run(std::minstd_rand &random) const;
  /// Whether everything recorded comes before `ends` or is among them.
  bool isJoinedBy(const std::set<size_t> &ends) const;
};

struct CUgraphExec_st {
  CUgraph_st graph;
};

namespace tpc::test {

/// Work given to these streams is recorded. Of the thread that began it.
struct Capture {
  cudaStream_t origin;
  CUgraph_st graph;
  std::map<cudaStream_t, std::set<size_t>> ends; ///< what the next piece of a stream waits for
  bool invalid = false;                          ///< something was done that a capture forbids
};

/// The calling thread's, null if it has none. What a capture forbids makes it invalid.
std::shared_ptr<Capture> &captureOfThread();
/// For calls that wait or allocate: an error while the calling thread captures.
cudaError_t forbidInCapture();

} // namespace tpc::test

struct CUevent_st {
  explicit CUevent_st(bool timed) : timed(timed) {}
  const bool timed;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t recorded = 0, reached = 0;
  std::chrono::steady_clock::time_point time; ///< when it was reached
  std::weak_ptr<tpc::test::Capture> capture;  ///< it was recorded into, if it was
  std::set<size_t> nodes;                     ///< of that capture, which it comes after
};

/// A thread that does what it is given in order, each piece late by a random time.
struct CUstream_st {
  CUstream_st();
  const int device;
  std::shared_ptr<tpc::test::Capture> capture;

  /// Records the task if the stream is captured.
  void give(std::function<void()> task);
  /// Returns when everything given so far is done.
  void drain();
  /// Does what was given, and ends the thread.
  void end();

private:
  void work();

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;
  bool busy = false, stop = false;
  std::thread thread; // last: it uses the others
};

namespace tpc::test {

/// The stream of calls that name none. Other streams do not wait for it, nor it for them.
CUstream_st &legacyStream();
/// Returns when the streams of the thread's current device are done.
void drainDevice();

} // namespace tpc::test

#endif
