//===- ArenaPlanner.h - offsets for buffers with known lifetimes ---------------===//
//
// Dynamic storage allocation, offline: buffers with a size and an interval of instants get offsets
// so that no two whose intervals meet overlap in memory. NP-hard; here greedy best fit (Pisarchyk
// and Lee 2020, "Efficient memory management for deep neural net inference"; TFLite's planner) over
// three orders, of which the smallest result wins.
//
// Worked example, alignment 1: A 4 bytes over [0, 1], B 2 bytes over [1, 2], C 4 bytes over [2, 3].
// By size: A at 0, C at 0 (never live with A), B at 4: 6 bytes, which is also the peak of the live
// bytes.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_ARENAPLANNER_H
#define TPC_CODEGEN_ARENAPLANNER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace tpc {

/// Every buffer of an arena starts at a multiple of so many bytes.
constexpr int64_t kSlotAlignment = 64;

struct Lifetime {
  int64_t bytes;
  int64_t first, last; ///< instants, both included
  bool meets(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

struct Packing {
  llvm::SmallVector<int64_t> offsets; ///< one per buffer
  int64_t bytes = 0;                  ///< size of the arena
};

/// Offsets for all `buffers`, multiples of `alignment`. The same input gives the same output.
Packing packBuffers(llvm::ArrayRef<Lifetime> buffers, int64_t alignment = kSlotAlignment);

/// The largest sum of the sizes (rounded up to `alignment`) that live at one instant: no packing is
/// smaller.
int64_t getPeakBytes(llvm::ArrayRef<Lifetime> buffers, int64_t alignment = kSlotAlignment);

} // namespace tpc

#endif // TPC_CODEGEN_ARENAPLANNER_H
