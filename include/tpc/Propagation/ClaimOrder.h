//===- ClaimOrder.h - which of the claims that meet goes first --------------===//
//
// Claims that meet contend where they want one axis for two factors, or one factor split two ways.
// The parameter's goes first, then the request's, then what costs more to move, then the larger
// tensor's. What is still equal is decided by where a factor stands in the result and by the mesh's
// order of axes, never by the order of operands or ops:
//
//   %a is split on "x", %b on "y":  mulf %a, %b  and  mulf %b, %a  both follow the dearer one to
//   move; that is %a, if the link of "x" is slow, as it had to be gathered over it
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_CLAIMORDER_H
#define TPC_PROPAGATION_CLAIMORDER_H

#include "tpc/Propagation/ConflictPricer.h"

namespace tpc {

/// Why one claim was kept and another lost.
enum class ConflictReason {
  Priority, ///< a parameter's before a request's before what follows from others
  Cost,     ///< the other is cheaper to move
  Size,     ///< both cost the same, the tensor is larger
  Order,    ///< all is equal: the order of dimensions and mesh axes
  Earlier   ///< the tensor had it when the other came
};

struct ConflictGrounds {
  ConflictReason reason = ConflictReason::Earlier;
  double kept = 0, lost = 0; ///< seconds to move what holds a claim, were it to lose
  ClaimPriority priority = ClaimPriority::Derived; ///< of the claim that was kept
};

/// Orders the claims of one op's tensors.
class ClaimOrder {
public:
  /// Without a pricer costs are not looked at.
  ClaimOrder(const GraphOp &op, llvm::ArrayRef<TensorFactors> tensors,
             const PropagationGraph &graph, ConflictPricer *pricer)
      : op(op), tensors(tensors), graph(graph), pricer(pricer) {}

  /// All claims that may spread, the first to be served first.
  llvm::SmallVector<FactorClaim> getClaims();
  /// Why `kept` goes before `lost`.
  ConflictGrounds getGrounds(const FactorClaim &kept, const FactorClaim &lost);
  bool contend(const FactorClaim &a, const FactorClaim &b) const;

private:
  llvm::ArrayRef<AxisRef> getAxes(const FactorClaim &claim) const {
    return tensors[claim.tensor].layout.axes[claim.factor];
  }
  bool comesFirst(const FactorClaim &a, const FactorClaim &b) const;
  bool isPriced(const FactorClaim &a, const FactorClaim &b) const {
    return pricer && tensors[a.tensor].priority == tensors[b.tensor].priority;
  }
  void preferDearer(llvm::MutableArrayRef<FactorClaim> claims);

  const GraphOp &op;
  llvm::ArrayRef<TensorFactors> tensors;
  const PropagationGraph &graph;
  ConflictPricer *pricer;
};

/// Per factor its place in an order that does not depend on the order of operands: by dimension of
/// the results, then of the operands.
llvm::SmallVector<unsigned, 6> rankFactors(const ShardingRule &rule);

} // namespace tpc

#endif // TPC_PROPAGATION_CLAIMORDER_H
