// A thread that sees to it that a collective which never ends, or a failed peer, ends the job.
#ifndef TPC_RUNTIME_CUDA_WATCHDOG_H
#define TPC_RUNTIME_CUDA_WATCHDOG_H

#include "Cuda/Stream.h"
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace tpc::runtime {

/// A rank whose GPU waits for another rank's never returns from a synchronization by itself. The
/// watchdog looks every few milliseconds whether the oldest collective under way has taken longer
/// than the time-out since its turn came, and whether anything has failed; then it ends all
/// communication, and the rank's own thread goes on and finds the failure recorded.
class Watchdog {
public:
  /// A collective, or a replay of recorded ones, given to the device: its turn comes with `ready`,
  /// it is over with `done`. Without events it is about to be given.
  struct Flight {
    int64_t collective;
    std::shared_ptr<Event> ready, done;
  };

  /// What the thread asks and does; called by that thread alone.
  struct Actions {
    /// Anything wrong at a peer or in the library; empty if not. Records what it finds.
    std::function<bool()> failed;
    /// Records that a collective has taken longer than the time-out.
    std::function<void(int64_t collective)> overdue;
    /// Ends all communication. Called once, after a failure.
    std::function<void()> giveUp;
  };

  Watchdog(int device, double timeoutSeconds, Actions actions);
  /// Stops watching.
  ~Watchdog();

  /// The rank's thread is about to call the library for a collective, which can block.
  void begin(int64_t collective);
  /// That call has returned. Without events the work was only recorded, and replays are watched.
  void given(std::shared_ptr<Event> ready, std::shared_ptr<Event> done);

private:
  using Clock = std::chrono::steady_clock;

  void watch();
  bool look(std::unique_lock<std::mutex> &lock);

  const int device;
  const std::chrono::duration<double> timeout;
  const Actions actions;
  std::mutex mutex; ///< of what follows
  std::condition_variable wake;
  std::deque<Flight> flights;
  Clock::time_point turn; ///< when that of the oldest flight came
  bool turnCame = false, stop = false;
  std::thread thread; // last: it uses the others
};

} // namespace tpc::runtime

#endif
