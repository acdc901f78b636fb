// Which part of a tensor a rank holds.
#ifndef TPC_RUNTIME_TRAIN_BOX_H
#define TPC_RUNTIME_TRAIN_BOX_H

#include "tpc/runtime/Context.h"
#include <cstdint>
#include <functional>
#include <vector>

namespace tpc::runtime {

using Shape = std::vector<int64_t>;

int64_t elementsOf(const Shape &shape);

/// A mesh axis, or the part of one of `size` whose coordinate is (c / (n / (pre * size))) % size.
struct SubAxis {
  int64_t axis, pre, size;
};

/// A tensor's shapes and the axes that split each dimension, major to minor. Where the parts do not
/// divide a dimension, their local sizes together exceed it: the last ranks hold padding.
struct Placement {
  Shape globalShape; ///< without padding
  Shape localShape;  ///< as it lies in memory, with padding
  std::vector<std::vector<SubAxis>> dims;
};

/// Of a rank's part in memory.
uint64_t localBytes(const Placement &placement, tpc_dtype dtype);

/// Offsets and sizes of a rank's part in the global shape, padding left out: it may be empty.
struct Box {
  Shape offsets, sizes;
  bool empty() const { return elementsOf(sizes) == 0; }
  bool operator==(const Box &other) const {
    return offsets == other.offsets && sizes == other.sizes;
  }
};

Box boxOf(const Placement &placement, const Mesh &mesh, int64_t rank);

/// The lowest rank that holds the same part: the one that writes it, unless the part is empty.
int64_t writerOf(const Placement &placement, const Mesh &mesh, int64_t rank);

/// Calls `visit(global, local, length)` for every stretch of elements that is contiguous both in
/// the row-major global tensor and in the box, which is the beginning of each dimension of a
/// row-major tensor of `localShape`; together they cover the box.
void forEachRun(const Shape &globalShape, const Box &box, const Shape &localShape,
                const std::function<void(int64_t global, int64_t local, int64_t length)> &visit);

/// Copies what two boxes of one tensor share: elements of `size` bytes, the source row-major, the
/// target the beginning of a row-major tensor of `targetShape`. Returns the number of elements
/// copied.
int64_t copyShared(const Box &source, const char *from, const Box &target, const Shape &targetShape,
                   char *to, int64_t size);

} // namespace tpc::runtime

#endif
