//===- AnnotationConflicts.h - annotations that cannot both be honoured ----===//
//
// Two annotations conflict where their claims meet at an op that cannot split both of their factors
// over one axis, or one factor both ways, so that a reshard is needed where nobody asked for one:
//
//   o_proj:    RowwiseParallel(output_layouts=Shard(1))     x + attention has its sequence on tp
//   down_proj: RowwiseParallel(output_layouts=Shard(2))     ... + mlp(...), its features on tp
//
// No conflicts are: a request for the result of a sum over the axis (down_proj's sum is scattered
// along the sequence: the summands meet there in any case); two requests in a row for one value,
// which is a reshard that was asked for; gradients, as what is asked of them follows from the
// forward program.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_ANNOTATIONCONFLICTS_H
#define TPC_PROPAGATION_ANNOTATIONCONFLICTS_H

#include "tpc/Propagation/ClaimTracer.h"

namespace tpc {

struct AnnotationConflict {
  unsigned op;
  TracedClaim kept, lost; ///< of different factors over one axis, or of one factor over two axes
  ConflictGrounds grounds;
};

/// The conflicts of the forward program, in the order in which they arose; one for each pair of
/// annotations.
std::vector<AnnotationConflict> findAnnotationConflicts(const PropagationGraph &graph,
                                                        const LayoutPropagation &propagation);

/// An error at the op, with notes that follow both claims down to their annotations.
void emitConflictError(const PropagationGraph &graph, const AnnotationConflict &conflict);

/// A remark that says which claim was kept, and why, with the same notes.
void emitConflictRemark(const PropagationGraph &graph, const AnnotationConflict &conflict);

} // namespace tpc

#endif // TPC_PROPAGATION_ANNOTATIONCONFLICTS_H
