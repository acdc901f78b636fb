//===- ClaimTracer.h - from a layout back to the annotation it came from ----===//
//
// Decisions of a propagation form chains: each names the tensor that had the axes before.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_CLAIMTRACER_H
#define TPC_PROPAGATION_CLAIMTRACER_H

#include "tpc/Propagation/LayoutPropagation.h"

namespace tpc {

/// "The op's `tensor` splits `factor` over `axis`", and how the claim came there.
struct TracedClaim {
  unsigned tensor, factor;
  AxisRef axis;
  std::vector<const LayoutDecision *> links; ///< from the op to the annotation
  unsigned source;                           ///< the value that has the annotation
};

class ClaimTracer {
public:
  ClaimTracer(const PropagationGraph &graph, const LayoutPropagation &propagation);

  TracedClaim trace(unsigned op, unsigned tensor, unsigned factor, const AxisRef &axis) const;

private:
  const LayoutDecision *findDecision(unsigned value, const AxisRef &axis) const;

  const PropagationGraph &graph;
  llvm::DenseMap<std::pair<unsigned, unsigned>, llvm::SmallVector<const LayoutDecision *, 2>>
      decisions; ///< by value and dimension
};

/// Where the annotation of a traced claim stands: the line of the plan, if there is one.
mlir::Location getAnnotationLoc(const PropagationGraph &graph, const TracedClaim &claim);

} // namespace tpc

#endif // TPC_PROPAGATION_CLAIMTRACER_H
