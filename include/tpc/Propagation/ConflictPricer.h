//===- ConflictPricer.h - what it costs that a claim loses -----------------===//
//
// Two factors of an op cannot both be split over an axis, nor one factor two ways. The tensors that
// hold the losing claim are moved: to the winning one where they have its factor, else they are
// gathered. Worked example, tp=2, x + y with x [b, s, k] split along s and y split along k:
// whichever loses is one all-to-all of half a tensor, so equal sizes cost the same. In contract [b,
// s, k], [n, k] -> [b, s, n] with both of s and n claimed, x would be gathered (it lacks n), or w
// would (it lacks s). In x + y, x [m] split over "slow" and y [m] over "fast", to move x is a
// gather over the slow link, to move y one over the fast.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_CONFLICTPRICER_H
#define TPC_PROPAGATION_CONFLICTPRICER_H

#include "tpc/Propagation/PropagationGraph.h"
#include "tpc/Sharding/FactorPropagation.h"
#include "tpc/Sharding/ReshardPlanner.h"

namespace tpc {

class ConflictPricer {
public:
  explicit ConflictPricer(CostModel cost) : planner(std::move(cost)) {}

  /// Modelled seconds to move all tensors of `op` that say what `loser` says, so that `winner` has
  /// its way. `tensors` are the op's, as they lie.
  double getSeconds(const GraphOp &op, llvm::ArrayRef<TensorFactors> tensors,
                    const PropagationGraph &graph, const FactorClaim &loser,
                    const FactorClaim &winner);

private:
  ReshardPlanner planner;
};

/// Is the first price lower by more than the last bits of a sum, which depend on its order?
bool isCheaper(double seconds, double others);

} // namespace tpc

#endif // TPC_PROPAGATION_CONFLICTPRICER_H
