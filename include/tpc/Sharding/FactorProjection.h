//===- FactorProjection.h - dimension layouts <-> factor layouts -------------===//
//
// A rule speaks of factors, a layout of dimensions. For one tensor of one op the projection says
// which mesh axes split each factor; the other direction says how the tensor lies once the factors
// are split.
//
// A dimension made of several factors is split major to minor: axes fill the first factor, what is
// left goes to the next, an axis being cut into sub-axes where a factor ends inside it.
//
//   dimension (h g d), sizes 2 4 64, layout {"tp"} with tp=4     h <- tp:(1)2    g <- tp:(2)2    d
//   <- {} dimension (h g d), sizes 3 4 64, layout {"tp"} with tp=2     tp is misplaced: half a
//   dimension is no
//                                                                number of whole h
//   h unsplit, g split over tp, to dimension (h g)               tp is misplaced: the shard is not
//   one box
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_FACTORPROJECTION_H
#define TPC_SHARDING_FACTORPROJECTION_H

#include "tpc/Sharding/ShardingRule.h"

namespace tpc {

/// One tensor's layout by the factors of a rule.
struct FactorLayout {
  llvm::SmallVector<AxisList, 6>
      axes;           ///< per factor of the rule, empty where it is not split or not present
  AxisList misplaced; ///< axes of the layout that are on no factor
  bool operator==(const FactorLayout &other) const { return axes == other.axes; }
};

/// A dimension layout, and what could not be said in it.
struct DimensionLayout {
  Layout layout;      ///< closed, not partial
  AxisList misplaced; ///< axes whose factor lies inside a dimension whose more major factors are
                      ///< not full
};

/// Which axes split each of the `rule`'s factors in a tensor mapped by `mapping`. The last factor
/// of a dimension takes what is left even where its size is no multiple (an uneven split is the
/// caller's to judge).
FactorLayout projectLayout(const ShardingRule &rule, const TensorMapping &mapping,
                           const Layout &layout, const Mesh &mesh);

/// How a tensor mapped by `mapping` lies if `factorAxes` split the factors.
DimensionLayout unprojectLayout(const ShardingRule &rule, const TensorMapping &mapping,
                                llvm::ArrayRef<AxisList> factorAxes, const Mesh &mesh);

/// True if some dimension of the tensor is made of `factor`.
bool hasFactor(const TensorMapping &mapping, unsigned factor);

} // namespace tpc

#endif // TPC_SHARDING_FACTORPROJECTION_H
