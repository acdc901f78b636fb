//===- ReshardPlanner.h - the cheapest collectives between two layouts -------===//
//
// Shortest path over layouts. The moves, on the ordered axis lists of the dimensions:
//
// clang-format off
//   slice           an unused axis becomes the minor-most of a dimension            no traffic
//   all_gather      the minor-most axes of a dimension go                           over these axes
//   all_to_all      they become the minor-most of another dimension, in order       over these axes
//   permute         axes change places, also with unused ones; every dimension      over those that
//                   keeps its number of shards                                      moved
//   reduce_scatter  partial axes become the minor-most of a dimension, in any order over these axes
//   all_reduce      partial axes go                                                 over these axes
// clang-format on
//
// Worked example, mesh <["dp"=2, "tp"=4]>, 8x16: [{"tp"}, {}] -> [{}, {"tp"}] is one all_to_all
// (3/4 of a shard received); [{}, {}] partial {"tp"} -> [{"dp"}, {"tp"}] is a slice over dp of dim
// 0, then a reduce_scatter.
//
// Exact: A* finds the cheapest sequence of moves, first with axes cut only where a sub-axis of
// either layout begins or ends, then, unless that way is proven the cheapest, with axes cut into
// prime factors: where dp (2) leaves a dimension and tp (4) comes, half of tp is sliced and the
// other half put in the place of dp, one permute where whole axes take two collectives. Ties go to
// whole axes, then to fewer steps. Where more than eight prime factors meet links of different
// kinds, axes are not cut, and beyond eight parts there are no permutes: cheap, not the cheapest.
// Parts that do not nest (x:(1)2 and x:(1)3) meet in a layout without them. Axes of size
// one are ignored.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_RESHARDPLANNER_H
#define TPC_SHARDING_RESHARDPLANNER_H

#include "tpc/Sharding/CostModel.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <limits>

namespace tpc {

struct ReshardStep {
  CollectiveKind kind;
  unsigned dim =
      0; ///< the dimension whose list changes; all_to_all: the one that loses axes (concat)
  unsigned splitDim = 0; ///< all_to_all: the one that gains them
  AxisList axes;         ///< the group, major to minor, canonical
  Layout result;         ///< closed
  double seconds = 0;
  double receivedBytes = 0; ///< per rank
};

using ReshardPlan = llvm::SmallVector<ReshardStep, 2>;

double getSeconds(const ReshardPlan &plan);
double getReceivedBytes(const ReshardPlan &plan);

/// Whether a layout can hold a tensor of `shape`: fails naming dimension, size and axes if a split
/// is uneven.
llvm::Error checkEvenSplit(llvm::ArrayRef<int64_t> shape, const Layout &layout, const Mesh &mesh);

/// `layout` without axes of size one, closed and canonical.
Layout getNormalized(const Layout &layout, const Mesh &mesh);

/// [source, destination] positions in the group over `axes` that take boxes from one layout to
/// another with equal local shapes, as `tpc.permute` wants them.
llvm::SmallVector<int64_t> getPermutePairs(const Layout &from, const Layout &to,
                                           llvm::ArrayRef<AxisRef> axes, const Mesh &mesh);

class ReshardPlanner {
public:
  explicit ReshardPlanner(CostModel cost) : cost(std::move(cost)) {}

  /// Intermediate layouts (neither the first nor the last) may take at most this many bytes on a
  /// rank.
  void setMemoryCap(int64_t bytes) {
    memoryCap = bytes;
    memo.clear();
    atLeast.clear();
  }

  /// The cheapest steps from `from` to `to`; none if they are equal. Fails on an uneven split, on a
  /// `to` that is Partial where `from` is not, and where the memory cap leaves no way.
  llvm::Expected<ReshardPlan> plan(llvm::ArrayRef<int64_t> shape, int64_t elementBytes,
                                   const Layout &from, const Layout &to);

  /// Seconds of the cheapest steps if these are less than `limit`; std::nullopt if they are not, or
  /// `plan` fails. Takes less time than to plan what is too dear.
  std::optional<double> getSecondsBelow(double limit, llvm::ArrayRef<int64_t> shape,
                                        int64_t elementBytes, const Layout &from, const Layout &to);

  const CostModel &getCostModel() const { return cost; }

private:
  std::optional<ReshardPlan> search(llvm::ArrayRef<int64_t> shape, int64_t elementBytes,
                                    const Layout &from, const Layout &to, int64_t limit) const;

  CostModel cost;
  int64_t memoryCap = std::numeric_limits<int64_t>::max();
  llvm::StringMap<ReshardPlan> memo;
  llvm::StringMap<double> atLeast; ///< seconds, of what was too dear to be planned
};

} // namespace tpc

#endif // TPC_SHARDING_RESHARDPLANNER_H
