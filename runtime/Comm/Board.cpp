#include "Board.h"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace tpc::runtime {

static_assert(std::atomic<uint32_t>::is_always_lock_free &&
                  std::atomic<int64_t>::is_always_lock_free,
              "the board is shared between processes");
static_assert(sizeof(Board) % alignof(BoardRank) == 0, "the ranks follow the board");

namespace {
/// Longest sleep before a waiting rank looks for failures again.
constexpr long kSleepNanoseconds = 100'000'000;

void pauseProcessor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

uint32_t stampOf(uint32_t sequence, uint32_t phase) { return sequence << 2 | phase; }

/// Stamps wrap around; the difference of two living ones is small.
bool notBefore(uint32_t stamp, uint32_t wanted) {
  return static_cast<int32_t>(stamp - wanted) >= 0;
}

void sleepOn(std::atomic<uint32_t> &word, uint32_t seen) {
  timespec limit{0, kSleepNanoseconds};
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT, seen, &limit, nullptr, 0);
}

void wakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}
} // namespace

void Board::reset(int givenSize) {
  size = givenSize;
  for (int i = 0; i < size; ++i) {
    rank(i).position = kNoOperation;
    rank(i).waitsFor = -1;
    // Stamps start just below those of sequence 0.
    for (uint32_t slotIndex = 0; slotIndex < kOutstanding; ++slotIndex)
      rank(i).slots[slotIndex].stamp = stampOf(0, 0);
  }
}

std::string Board::describe(int index) {
  return "rank " + std::to_string(index) + " on " + std::string(rank(index).host);
}

void Board::advance(int self, uint32_t sequence, uint32_t phase) {
  BoardSlot &own = slot(self, sequence);
  own.stamp.store(
      stampOf(sequence, phase)); // sequentially consistent: ordered before the look at sleepers
  if (own.sleepers.load() != 0)
    wakeAll(own.stamp);
}

bool Board::reached(int peer, uint32_t sequence, uint32_t phase) {
  return notBefore(slot(peer, sequence).stamp.load(std::memory_order_acquire),
                   stampOf(sequence, phase));
}

Board::Wait Board::wait(int self, int peer, uint32_t sequence, uint32_t phase, SpinBudget &spins,
                        double timeoutSeconds) {
  for (int spin = 0; spin < spins.get(); ++spin) {
    if (reached(peer, sequence, phase)) {
      spins.helped();
      return Wait::Reached;
    }
    pauseProcessor();
  }
  spins.inVain();
  BoardSlot &theirs = slot(peer, sequence);
  std::atomic<int32_t> &waitsFor = rank(self).waitsFor;
  waitsFor = peer;
  auto begin = std::chrono::steady_clock::now();
  Wait result = Wait::Reached;
  ++theirs.sleepers;
  for (;;) {
    uint32_t seen = theirs.stamp.load();
    if (notBefore(seen, stampOf(sequence, phase)))
      break;
    std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
    if (failed() || waited.count() > timeoutSeconds) {
      result = failed() ? Wait::Failed : Wait::TimedOut;
      break;
    }
    sleepOn(theirs.stamp, seen);
  }
  --theirs.sleepers;
  if (result != Wait::TimedOut) // a timed-out rank still says so to those who ask for the culprit
    waitsFor = -1;
  return result;
}

int Board::culprit(int peer) {
  for (int steps = 0; steps < size; ++steps) {
    int next = rank(peer).waitsFor;
    if (next < 0)
      break;
    peer = next;
  }
  return peer;
}

void Board::fail(const std::string &text) noexcept {
  uint32_t none = 0;
  if (!failureState.compare_exchange_strong(none, 1))
    return;
  size_t length = std::min(text.size(), sizeof(message) - 1);
  std::memcpy(message, text.data(), length);
  message[length] = 0;
  failureState.store(2, std::memory_order_release);
}

std::string Board::failure() const {
  // The writer needs microseconds; if it dies between, its message is lost and the failure is not.
  for (int tries = 0; tries < 100 && failureState.load(std::memory_order_acquire) == 1; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  switch (failureState.load(std::memory_order_acquire)) {
  case 0:
    return "";
  case 1:
    return "a rank died while it reported a failure";
  default:
    return message;
  }
}

} // namespace tpc::runtime
