// What the ranks of one host know of each other: plain data and atomics in memory that all of them
// see.
#ifndef TPC_RUNTIME_COMM_BOARD_H
#define TPC_RUNTIME_COMM_BOARD_H

#include "Cores.h"
#include "HostCollective.h"
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tpc::runtime {

/// Operations a rank may have begun and not finished.
constexpr uint32_t kOutstanding = 16;

/// One rank's announcement of its operation number `sequence` (slot sequence % kOutstanding): a
/// stamp (sequence << 2 | phase) that only grows, and what it works on. Phase 1: the others may
/// read the inputs and write the outputs announced (Segment::references). Phase 2: this rank is
/// through with the others' buffers. The announcement is valid until all have reached it.
struct alignas(64) BoardSlot {
  std::atomic<uint32_t> stamp;
  std::atomic<uint32_t> sleepers;
  int64_t operation; ///< collective number; the same on all ranks or the program went astray
};

/// One rank's line on the board.
struct alignas(64) BoardRank {
  std::atomic<int64_t>
      position; ///< number of the operation begun last; kNoOperation before the first
  std::atomic<int32_t> waitsFor; ///< the rank waited for, or -1
  int32_t pid;
  char host[64];
  BoardSlot slots[kOutstanding];
};

/// Lives at the start of the segment, followed by `size` BoardRanks. All-zero bytes plus reset()
/// make it valid.
class alignas(64) Board {
public:
  static size_t bytes(int size) { return sizeof(Board) + sizeof(BoardRank) * size; }
  void reset(int size);

  BoardRank &rank(int rank) { return reinterpret_cast<BoardRank *>(this + 1)[rank]; }
  BoardSlot &slot(int rank, uint32_t sequence) {
    return this->rank(rank).slots[sequence % kOutstanding];
  }

  /// "rank 1 on HOST".
  std::string describe(int rank);

  /// Announces that `rank` has reached `phase` of `sequence`, and wakes who sleeps for it.
  void advance(int rank, uint32_t sequence, uint32_t phase);
  /// True if `rank` has reached `phase` of `sequence`.
  bool reached(int rank, uint32_t sequence, uint32_t phase);

  enum class Wait { Reached, Failed, TimedOut };
  /// Waits for `peer`: polls as long as `spins` says, then asleep.
  Wait wait(int self, int peer, uint32_t sequence, uint32_t phase, SpinBudget &spins,
            double timeoutSeconds);
  /// Whom the chain of waiting ranks that begins at `peer` ends with: the rank that keeps the
  /// others.
  int culprit(int peer);

  /// Records the job's first failure; later ones are ignored. Async-signal-safe but for the string.
  void fail(const std::string &message) noexcept;
  bool failed() const noexcept { return failureState.load(std::memory_order_acquire) != 0; }
  std::string failure() const;
  /// True once.
  bool claimReport() noexcept { return failed() && reported.exchange(1) == 0; }

private:
  std::atomic<uint32_t> failureState; ///< 0 none, 1 being written, 2 written
  std::atomic<uint32_t> reported;
  int32_t size;
  char message[2048];
};

} // namespace tpc::runtime

#endif
