//===- ValueClaims.h - what the users of one value want it to take over -----===//
//
// All of it is weighed together, once, whatever the order of the users:
//
//   %n = neg %u;  add %n, %a (split on "x");  add %n, %b (split on "y")
//
// %n can follow one of them, and is moved for the other. A claim that costs more to move *to* is
// given way: if "x" is slow, %n follows %b, as it can be gathered over "y" for %a.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_VALUECLAIMS_H
#define TPC_PROPAGATION_VALUECLAIMS_H

#include "tpc/Propagation/ClaimOrder.h"

namespace tpc {

/// "Dimension `dim` is split over `axes`", said to a value by one of its users.
struct ValueClaim {
  unsigned op, tensor; ///< the user, and which of its tensors the value is
  unsigned source;     ///< the tensor of the user that has the axes
  unsigned dim;
  AxisList axes;
  int priority; ///< of `source`
};

/// What becomes of the claims on one value.
struct ValueDecision {
  struct Taken {
    unsigned dim;
    AxisList axes;
    const ValueClaim *claim;
  };
  struct Lost {
    const ValueClaim *claim;
    AxisRef axis;    ///< the first that was not taken
    unsigned holder; ///< the dimension that has it, or `claim`'s that is split another way
    ConflictGrounds grounds;
  };
  llvm::SmallVector<Taken, 2> taken;
  llvm::SmallVector<Lost, 2> lost;
};

/// `claims` are merged where several say the same. Without a pricer costs are not looked at.
ValueDecision decideValue(const PropagationGraph &graph, unsigned value,
                          std::vector<ValueClaim> &claims, ConflictPricer *pricer);

} // namespace tpc

#endif // TPC_PROPAGATION_VALUECLAIMS_H
