//===- ConflictPricer.h - what it costs that a claim loses -----------------===//
//
// Two factors of an op cannot both be split over an axis. The tensors that have it on the losing
// factor are moved: to the winning one where they have that, else they are gathered. Worked
// example, tp=2, x + y with x [b, s, k] split along s and y split along k: whichever loses is one
// all-to-all of half a tensor, so equal sizes cost the same. In contract [b, s, k], [n, k] -> [b,
// s, n] with both of s and n claimed, x would be gathered (it lacks n), or w would (it lacks s).
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

  /// Modelled seconds to move all tensors of `op` that split `loser` over `axis` so that `winner`
  /// has it. `tensors` are the op's, as they lie.
  double getSeconds(const GraphOp &op, llvm::ArrayRef<TensorFactors> tensors,
                    const PropagationGraph &graph, unsigned loser, unsigned winner,
                    const AxisRef &axis);

private:
  ReshardPlanner planner;
};

} // namespace tpc

#endif // TPC_PROPAGATION_CONFLICTPRICER_H
