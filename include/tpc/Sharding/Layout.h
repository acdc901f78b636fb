//===- Layout.h - how one tensor lies on a mesh ------------------------------===//
//
// A layout says, per dimension, which mesh axes split it (major to minor), and over which axes the
// ranks hold summands instead of values (Partial). What is in neither is replicated. DTensor's
// placements per mesh axis are a special case: the ordered lists also say "FSDP and TP both split
// dim 0, in this order".
//
// Worked example on <["dp"=2, "tp"=4]>: tensor<8x16xf32> with dims [{dp}, {tp:(1)2}], partial sum
// {tp:(2)2} has local shape 4x8; ranks that differ in tp's minor half hold two summands of the same
// box.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_LAYOUT_H
#define TPC_SHARDING_LAYOUT_H

#include "tpc/Sharding/Mesh.h"
#include "llvm/ADT/ArrayRef.h"
#include <tuple>

namespace tpc {

enum class ReductionKind : uint32_t { Sum = 0, Max = 1, Min = 2 };

/// A mesh axis, or the part of it of size `size` that lies below a more major part of size `pre`:
/// its coordinate is (c / (n / (pre * size))) % size. The whole axis has pre 1 and size n.
struct AxisRef {
  unsigned axis = 0;
  int64_t pre = 1;
  int64_t size = 1;

  static AxisRef whole(const Mesh &mesh, unsigned axis) { return {axis, 1, mesh.axes[axis].size}; }
  bool isWhole(const Mesh &mesh) const { return pre == 1 && size == mesh.axes[axis].size; }
  /// True if the two share a part of an axis (and so cannot both be used by one tensor).
  bool overlaps(const AxisRef &other) const;
  bool contains(const AxisRef &other) const;
  /// Coordinate of `rank` along this (sub-)axis.
  int64_t getCoordinate(const Mesh &mesh, int64_t rank) const;
  bool operator==(const AxisRef &other) const {
    return axis == other.axis && pre == other.pre && size == other.size;
  }
  bool operator!=(const AxisRef &other) const { return !(*this == other); }
  bool operator<(const AxisRef &other) const {
    return std::tie(axis, pre, size) < std::tie(other.axis, other.pre, other.size);
  }
};

/// Axes that split one dimension, major to minor.
using AxisList = llvm::SmallVector<AxisRef, 2>;

/// Product of the sizes.
int64_t getSize(llvm::ArrayRef<AxisRef> axes);
/// Merges neighbours that are consecutive parts of one axis ("tp":(1)2, "tp":(2)2 -> "tp").
AxisList getCanonical(llvm::ArrayRef<AxisRef> axes, const Mesh &mesh);
/// Groups of ranks that differ only along `axes`, each in row-major order of `axes` (the group
/// order).
llvm::SmallVector<llvm::SmallVector<int64_t>> getGroups(llvm::ArrayRef<AxisRef> axes,
                                                        const Mesh &mesh);

struct Layout {
  llvm::SmallVector<AxisList, 4> dims;
  ReductionKind partialKind = ReductionKind::Sum;
  AxisList partial; ///< sorted, canonical
  llvm::SmallVector<bool, 4>
      open; ///< per dimension: may propagation add axes? empty means all closed

  static Layout replicated(unsigned rank);
  unsigned getRank() const { return dims.size(); }
  bool isPartial() const { return !partial.empty(); }
  bool isReplicated() const;
  /// Every axis that is used, dimensions first, then partial.
  AxisList getUsedAxes() const;
  /// Splits `axes` off every dimension and the partial set.
  void dropAxes(llvm::ArrayRef<AxisRef> axes);
  bool operator==(const Layout &other) const;
  bool operator!=(const Layout &other) const { return !(*this == other); }
};

/// Shape of one rank's shard; std::nullopt if a dimension is not a multiple of its axes' size.
std::optional<llvm::SmallVector<int64_t>> getLocalShape(llvm::ArrayRef<int64_t> shape,
                                                        const Layout &layout);
/// Start of `rank`'s box in the global tensor.
llvm::SmallVector<int64_t> getOffsets(llvm::ArrayRef<int64_t> shape, const Layout &layout,
                                      const Mesh &mesh, int64_t rank);
/// "Shard(1) on dp, Partial(sum) on tp": the DTensor form used by every diagnostic and report.
std::string toDTensorString(const Layout &layout, const Mesh &mesh);

} // namespace tpc

#endif // TPC_SHARDING_LAYOUT_H
