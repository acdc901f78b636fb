//===- FactorPropagation.h - one op's step of layout propagation -------------===//
//
// Given how each tensor of an op splits the op's factors, lets every tensor take over what the
// others know.
//
//   contract [b, s, k], [n, k] -> [b, s, n],  operand 0 has s on "tp"     the result takes s on
//   "tp" operand 0 has s on "tp", operand 1 has n on "tp"                      the result cannot
//   take both
//
// A claim is "factor f is split over these axes", made by a tensor. Claims are applied in the order
// that the caller gives them, else of their tensor's priority, then the tensor's bytes, then their
// factor and axes, so the outcome does not depend on the order of visits or operands. A claim
// extends a tensor whose own list for the factor is a prefix of the claimed one, by as many axes as
// the tensor has free; what it cannot take is reported as a conflict.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_FACTORPROPAGATION_H
#define TPC_SHARDING_FACTORPROPAGATION_H

#include "tpc/Sharding/FactorProjection.h"

namespace tpc {

/// What propagation knows of one tensor of an op.
struct TensorFactors {
  FactorLayout layout;
  llvm::SmallVector<bool, 6> present; ///< per factor: is it a part of this tensor?
  llvm::SmallVector<bool, 6> open;    ///< per factor: may axes be added?
  AxisList blocked;                   ///< axes the tensor may not take at all
  int priority = 0;                   ///< higher wins
  int64_t bytes = 0;                  ///< among equals the larger tensor wins
};

/// "The op splits `factor` over the axes that `tensor` has for it."
struct FactorClaim {
  unsigned tensor, factor;
};

/// Does one of two lists for a factor continue the other?
bool areCompatible(llvm::ArrayRef<AxisRef> a, llvm::ArrayRef<AxisRef> b);

struct FactorConflict {
  unsigned factor; ///< that was not split
  unsigned source; ///< tensor that wanted it split
  unsigned target; ///< tensor that could not take it
  AxisRef axis;    ///< first axis not taken
  /// The factor of `target` that holds the axis or its place; the same factor if it is split
  /// another way.
  unsigned holder;
};

struct PropagationOptions {
  llvm::SmallVector<FactorKind, 3>
      kinds; ///< factors of these kinds propagate; empty means all but NeedReplication
  /// Stop before an axis that does not divide what is left of a factor, even where a claim asks for
  /// that and the factor could be padded.
  bool requireEven = true;
  /// The claims that are made, the first to be served first; empty means all of them.
  llvm::ArrayRef<FactorClaim> order;
};

struct PropagationResult {
  bool changed = false;
  llvm::SmallVector<FactorConflict, 2> conflicts;
};

/// One step on the op with `rule`: `tensors` are its operands, then its results, and are extended
/// in place.
PropagationResult propagateFactors(const ShardingRule &rule,
                                   llvm::MutableArrayRef<TensorFactors> tensors,
                                   const PropagationOptions &options = {});

/// The view of a tensor mapped by `mapping` that lies as `layout`; open as the layout's dimensions
/// are.
TensorFactors getTensorFactors(const ShardingRule &rule, const TensorMapping &mapping,
                               const Layout &layout, const Mesh &mesh);

} // namespace tpc

#endif // TPC_SHARDING_FACTORPROPAGATION_H
