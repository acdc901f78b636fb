#include "Segment.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace tpc::runtime {

namespace {
/// Host data travels in pieces of this size at most.
constexpr size_t kLeastStaging = 64 << 10;

size_t pages(size_t bytes) {
  constexpr size_t kPage = 4096;
  return (bytes + kPage - 1) / kPage * kPage;
}
} // namespace

SegmentSizes::SegmentSizes(int ranks, const CommunicatorOptions &options)
    : ranks(ranks), stagingBytes(kLeastStaging), regionBytes(options.regionBytes) {
  for (const Collective &collective : options.collectives) {
    operands = std::max(operands, collective.operands.size());
    // Twice: so that a second collective can begin while the largest is under way.
    stagingBytes =
        std::max(stagingBytes, 2 * (collective.inputBytes() + 64 * collective.operands.size()));
  }
}

size_t Segment::headBytes(const SegmentSizes &sizes) {
  size_t references = sizeof(uint64_t) * 2 * sizes.operands * kOutstanding * sizes.ranks;
  return pages(Board::bytes(sizes.ranks)) + pages(references);
}
size_t Segment::stagingSpan(const SegmentSizes &sizes) { return pages(sizes.stagingBytes); }
size_t Segment::rankSpan(const SegmentSizes &sizes) {
  return kOutstanding * kLetterBytes + stagingSpan(sizes) + pages(sizes.regionBytes);
}
size_t Segment::bytes(const SegmentSizes &sizes) {
  return headBytes(sizes) + rankSpan(sizes) * sizes.ranks;
}

Segment::~Segment() { munmap(base, bytes(sizes)); }

std::shared_ptr<Segment> Segment::createPrivate(const SegmentSizes &sizes) {
  void *base = mmap(nullptr, bytes(sizes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    throwErrno(-1, "map " + std::to_string(bytes(sizes)) + " bytes for communication");
  auto segment = std::make_shared<Segment>(sizes, static_cast<char *>(base));
  segment->board().reset(sizes.ranks);
  return segment;
}

uint64_t *Segment::references(int rank, uint32_t sequence) {
  auto *first = reinterpret_cast<uint64_t *>(base + pages(Board::bytes(sizes.ranks)));
  return first +
         (static_cast<size_t>(rank) * kOutstanding + sequence % kOutstanding) * 2 * sizes.operands;
}

char *Segment::staging(int rank) { return rankBegin(rank) + kOutstanding * kLetterBytes; }

void signBoard(Board &board, int rank, int pid, const std::string &host) {
  BoardRank &line = board.rank(rank);
  line.pid = pid;
  host.copy(line.host, std::min(host.size(), sizeof(line.host) - 1));
}

} // namespace tpc::runtime
