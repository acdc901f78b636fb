//===- ArenaPlanner.cpp --------------------------------------------------------===//

#include "tpc/Codegen/ArenaPlanner.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <limits>
#include <map>

using namespace tpc;

namespace {
struct Placed {
  int64_t offset, bytes;
  Lifetime lifetime;
};
} // namespace

/// The lowest offset of the smallest gap that holds `buffer` among those `placed` (sorted by
/// offset) it meets.
static int64_t findOffset(llvm::ArrayRef<Placed> placed, const Lifetime &buffer, int64_t bytes) {
  int64_t end = 0, best = -1, bestGap = std::numeric_limits<int64_t>::max();
  for (const Placed &other : placed) {
    if (!other.lifetime.meets(buffer))
      continue;
    int64_t gap = other.offset - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, other.offset + other.bytes);
  }
  return best >= 0 ? best : end;
}

static Packing packInOrder(llvm::ArrayRef<Lifetime> buffers, llvm::ArrayRef<unsigned> order,
                           int64_t alignment) {
  Packing packing;
  packing.offsets.resize(buffers.size());
  llvm::SmallVector<Placed, 0> placed;
  for (unsigned index : order) {
    int64_t bytes = llvm::alignTo(buffers[index].bytes, alignment);
    int64_t offset = findOffset(placed, buffers[index], bytes);
    packing.offsets[index] = offset;
    packing.bytes = std::max(packing.bytes, offset + bytes);
    Placed here{offset, bytes, buffers[index]};
    placed.insert(
        llvm::upper_bound(placed, here,
                          [](const Placed &a, const Placed &b) { return a.offset < b.offset; }),
        here);
  }
  return packing;
}

Packing tpc::packBuffers(llvm::ArrayRef<Lifetime> buffers, int64_t alignment) {
  auto size = [&](unsigned i) { return buffers[i].bytes; };
  auto area = [&](unsigned i) {
    return static_cast<double>(buffers[i].bytes) * (buffers[i].last - buffers[i].first + 1);
  };
  auto length = [&](unsigned i) { return buffers[i].last - buffers[i].first; };
  auto order = llvm::to_vector(llvm::seq<unsigned>(0, buffers.size()));
  Packing best;
  auto attempt = [&](auto key) {
    llvm::sort(order,
               [&](unsigned a, unsigned b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
    Packing packing = packInOrder(buffers, order, alignment);
    if (best.offsets.empty() || packing.bytes < best.bytes)
      best = std::move(packing);
  };
  attempt(size);
  attempt(area);
  attempt(length);
  return best;
}

int64_t tpc::getPeakBytes(llvm::ArrayRef<Lifetime> buffers, int64_t alignment) {
  std::map<int64_t, int64_t> changes;
  for (const Lifetime &buffer : buffers) {
    changes[buffer.first] += llvm::alignTo(buffer.bytes, alignment);
    changes[buffer.last + 1] -= llvm::alignTo(buffer.bytes, alignment);
  }
  int64_t live = 0, peak = 0;
  for (auto [instant, change] : changes)
    peak = std::max(peak, live += change);
  return peak;
}
