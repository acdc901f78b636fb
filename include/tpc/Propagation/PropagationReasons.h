//===- PropagationReasons.h - why a value lies as it does ------------------===//

#ifndef TPC_PROPAGATION_PROPAGATIONREASONS_H
#define TPC_PROPAGATION_PROPAGATIONREASONS_H

#include "tpc/Propagation/LayoutPropagation.h"

namespace tpc {

/// `operand 1`, `result 0`.
void printTensor(llvm::raw_ostream &os, const GraphOp &op, unsigned tensor);
/// The letter that the op has for a factor.
void printFactor(llvm::raw_ostream &os, const ShardingRule &rule, unsigned factor);

/// `result 0: dim 2 on "tp" from operand 1 of tpc.contract (factor n, forward, round 1)`.
std::string describe(const PropagationGraph &graph, const LayoutDecision &decision);

/// `lost: result 0 wants s on "tp", which operand 1 has for f`.
std::string describe(const PropagationGraph &graph, const LayoutConflict &conflict);

/// Attaches tpc.why (tpc/Dialect/Provenance.h): decisions at what they shaped, conflicts at the op
/// where they arose. Of what came from a user, the annotation that asked for it is told.
void attachReasons(mlir::func::FuncOp function, const PropagationGraph &graph,
                   const LayoutPropagation &propagation);

} // namespace tpc

#endif // TPC_PROPAGATION_PROPAGATIONREASONS_H
