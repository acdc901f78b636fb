// The memory that all ranks of a host share, and who owns which part of it.
#ifndef TPC_RUNTIME_COMM_SEGMENT_H
#define TPC_RUNTIME_COMM_SEGMENT_H

#include "Board.h"
#include "tpc/runtime/Communicator.h"

namespace tpc::runtime {

/// Inputs up to so many bytes, each operand rounded up to a cache line, are copied into the
/// announcement.
constexpr size_t kLetterBytes = 16 << 10;

/// Sizes from which the segment's layout follows; equal on all ranks.
struct SegmentSizes {
  int ranks = 1;
  size_t operands = 1;     ///< most operands of a collective
  size_t stagingBytes = 0; ///< per rank, for buffers outside the region
  size_t regionBytes = 0;  ///< per rank

  SegmentSizes(int ranks, const CommunicatorOptions &options);
};

/// Layout: the board, the references of all ranks, then letters, staging and region of rank 0, of
/// rank 1, ... on pages of their own. Memory that nobody touches is never allocated. Addresses
/// inside the segment travel as offsets from its base, so that each process may map it elsewhere.
class Segment {
public:
  /// Takes a mapping of `bytes(sizes)` bytes at `base`; unmaps it in the end.
  Segment(const SegmentSizes &sizes, char *base) : sizes(sizes), base(base) {}
  ~Segment();
  Segment(const Segment &) = delete;
  Segment &operator=(const Segment &) = delete;

  static size_t bytes(const SegmentSizes &sizes);
  /// Maps a segment for the threads of this process.
  static std::shared_ptr<Segment> createPrivate(const SegmentSizes &sizes);

  Board &board() { return *reinterpret_cast<Board *>(base); }
  /// `rank`'s announced buffers: one reference per input, then (from sizes.operands on) per output.
  uint64_t *references(int rank, uint32_t sequence);
  /// Where `rank` leaves copies of an operation's small inputs: kLetterBytes bytes.
  char *letter(int rank, uint32_t sequence) {
    return rankBegin(rank) + sequence % kOutstanding * kLetterBytes;
  }
  char *staging(int rank);
  char *region(int rank) {
    return sizes.regionBytes ? staging(rank) + stagingSpan(sizes) : nullptr;
  }

  bool contains(const char *address) const {
    return address >= base && address < base + bytes(sizes);
  }
  uint64_t referenceTo(const char *address) const {
    return reinterpret_cast<uint64_t>(address) - baseAddress();
  }
  char *address(uint64_t reference) const {
    return reinterpret_cast<char *>(reference + baseAddress());
  }

  const SegmentSizes sizes;

private:
  static size_t headBytes(const SegmentSizes &sizes);
  static size_t stagingSpan(const SegmentSizes &sizes);
  static size_t rankSpan(const SegmentSizes &sizes);
  char *rankBegin(int rank) { return base + headBytes(sizes) + rankSpan(sizes) * rank; }
  uint64_t baseAddress() const { return reinterpret_cast<uint64_t>(base); }
  char *const base;
};

/// Writes who `rank` is on the board.
void signBoard(Board &board, int rank, int pid, const std::string &host);

} // namespace tpc::runtime

#endif
