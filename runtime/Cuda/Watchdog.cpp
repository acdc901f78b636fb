#include "Cuda/Watchdog.h"

namespace tpc::runtime {

namespace {
constexpr std::chrono::milliseconds kBusyPeriod(5), kIdlePeriod(50);
} // namespace

Watchdog::Watchdog(int device, double timeoutSeconds, Actions givenActions)
    : device(device), timeout(timeoutSeconds), actions(std::move(givenActions)),
      thread([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stop = true;
  }
  wake.notify_all();
  thread.join();
}

void Watchdog::begin(int64_t collective) {
  std::lock_guard<std::mutex> lock(mutex);
  flights.push_back({collective, nullptr, nullptr});
}

void Watchdog::given(std::shared_ptr<Event> ready, std::shared_ptr<Event> done) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!done) {
    flights.pop_back();
    return;
  }
  flights.back().ready = std::move(ready);
  flights.back().done = std::move(done);
}

void Watchdog::watch() {
  cudaSetDevice(device);
  std::unique_lock<std::mutex> lock(mutex);
  while (!stop) {
    if (!look(lock)) {
      lock.unlock();
      return actions.giveUp();
    }
    wake.wait_for(lock, flights.empty() ? kIdlePeriod : kBusyPeriod, [&] { return stop; });
  }
}

/// False after a failure.
bool Watchdog::look(std::unique_lock<std::mutex> &lock) {
  while (!flights.empty() && flights.front().done && flights.front().done->reached()) {
    flights.pop_front();
    turnCame = false;
  }
  bool comes = !flights.empty() && (!flights.front().ready || flights.front().ready->reached());
  if (comes && !turnCame)
    turn = Clock::now();
  turnCame = comes;
  int64_t overdue = turnCame && Clock::now() - turn > timeout ? flights.front().collective : -1;
  lock.unlock(); // the actions take their time, and the rank's thread must not wait for them
  if (overdue >= 0)
    actions.overdue(overdue);
  bool failed = actions.failed();
  lock.lock();
  return !failed;
}

} // namespace tpc::runtime
