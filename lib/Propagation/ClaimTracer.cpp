//===- ClaimTracer.cpp ----------------------------------------------------===//

#include "tpc/Propagation/ClaimTracer.h"
#include "tpc/Dialect/Provenance.h"

using namespace mlir;
using namespace tpc;

ClaimTracer::ClaimTracer(const PropagationGraph &graph, const LayoutPropagation &propagation)
    : graph(graph) {
  for (const LayoutDecision &decision : propagation.getDecisions())
    decisions[{decision.value, decision.dim}].push_back(&decision);
}

TracedClaim ClaimTracer::trace(unsigned op, unsigned tensor, unsigned factor,
                               const AxisRef &axis) const {
  TracedClaim claim{tensor, factor, axis, {}, static_cast<unsigned>(graph.ops[op].tensors[tensor])};
  while (const LayoutDecision *decision = findDecision(claim.source, axis)) {
    claim.links.push_back(decision);
    unsigned next = graph.ops[decision->op].tensors[decision->source];
    if (next == claim.source || claim.links.size() > graph.ops.size())
      break;
    claim.source = next;
  }
  return claim;
}

/// The decision by which a value took over `axis`; null if it had it from the start.
const LayoutDecision *ClaimTracer::findDecision(unsigned value, const AxisRef &axis) const {
  const Layout &layout = graph.values[value].layout;
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim)
    if (auto found = decisions.find({value, dim}); found != decisions.end())
      for (const LayoutDecision *decision : found->second)
        if (llvm::any_of(decision->axes, [&](const AxisRef &own) { return own.overlaps(axis); }))
          return decision;
  return nullptr;
}

static Location getLoc(const PropagationGraph &graph, unsigned value) {
  const GraphValue &source = graph.values[value];
  return source.value ? source.value.getLoc() : graph.ops[source.ops.front()].op->getLoc();
}

Location tpc::getAnnotationLoc(const PropagationGraph &graph, const TracedClaim &claim) {
  Location loc = getLoc(graph, claim.source);
  LocationAttr line = getAnnotation(loc);
  return line ? Location(line) : loc;
}
