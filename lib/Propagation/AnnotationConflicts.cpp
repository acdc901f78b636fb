//===- AnnotationConflicts.cpp --------------------------------------------===//

#include "tpc/Propagation/AnnotationConflicts.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Propagation/PropagationReasons.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tpc;

//===----------------------------------------------------------------------===//
// Which conflicts
//===----------------------------------------------------------------------===//

/// Is one of the claims for a result that sums over the other's factor?
static bool isAboutSum(const GraphOp &op, const FactorConflict &claim) {
  auto sums = [&](unsigned tensor, unsigned other) {
    return tensor >= op.numOperands && !hasFactor(op.getMapping(tensor), other);
  };
  return claim.holder != claim.factor &&
         (sums(claim.source, claim.holder) || sums(claim.target, claim.factor));
}

/// Is the op there to change a layout?
static bool isRequest(const GraphOp &op) {
  return isa<ConstrainOp, ReshardOp, func::ReturnOp>(op.op);
}

/// The axes over which a tensor of the op has the dimension of `factor`.
static AxisList getAxes(const PropagationGraph &graph, const GraphOp &op, unsigned tensor,
                        unsigned factor) {
  for (auto [dim, factors] : llvm::enumerate(op.getMapping(tensor)))
    if (llvm::is_contained(factors, factor))
      return graph.values[op.tensors[tensor]].layout.dims[dim];
  return {};
}

/// The axis of the claim that was kept: where both are for one factor, what stands in the place of
/// the axis that was lost.
static AxisRef getKeptAxis(const PropagationGraph &graph, const GraphOp &op,
                           const FactorConflict &claim) {
  if (claim.holder != claim.factor)
    return claim.axis;
  AxisList kept = getAxes(graph, op, claim.target, claim.factor);
  AxisList lost = getAxes(graph, op, claim.source, claim.factor);
  size_t place = llvm::find(lost, claim.axis) - lost.begin();
  if (kept.empty())
    return claim.axis;
  return place < kept.size() ? kept[place] : kept.front();
}

std::vector<AnnotationConflict> tpc::findAnnotationConflicts(const PropagationGraph &graph,
                                                             const LayoutPropagation &propagation) {
  std::vector<AnnotationConflict> conflicts;
  std::set<std::pair<const void *, const void *>> seen;
  std::set<std::tuple<unsigned, const void *, const void *>> atOp;
  ClaimTracer tracer(graph, propagation);
  for (const LayoutConflict &conflict : propagation.getConflicts()) {
    const GraphOp &op = graph.ops[conflict.op];
    const FactorConflict &claim = conflict.claim;
    if (op.phase != ProgramPhase::Forward || isRequest(op) || isAboutSum(op, claim))
      continue;
    AxisRef keptAxis = getKeptAxis(graph, op, claim);
    AnnotationConflict found{
        conflict.op, tracer.trace(conflict.op, claim.target, claim.holder, keptAxis),
        tracer.trace(conflict.op, claim.source, claim.factor, claim.axis), conflict.grounds};
    const void *kept = getAnnotationLoc(graph, found.kept).getAsOpaquePointer();
    const void *lost = getAnnotationLoc(graph, found.lost).getAsOpaquePointer();
    // What is kept at an op may be said again from the other side, as what another tensor wants.
    bool isKnown = !atOp.insert({conflict.op, std::min(kept, lost), std::max(kept, lost)}).second;
    if (kept != lost && !isKnown && seen.insert({kept, lost}).second)
      conflicts.push_back(std::move(found));
  }
  return conflicts;
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

/// `operand 0 has dimension 1 (s) on "tp"`.
static void printClaim(const PropagationGraph &graph, const AnnotationConflict &conflict,
                       const TracedClaim &claim, llvm::raw_ostream &os) {
  const GraphOp &op = graph.ops[conflict.op];
  printTensor(os, op, claim.tensor);
  os << " has ";
  for (auto [dim, factors] : llvm::enumerate(op.getMapping(claim.tensor)))
    if (llvm::is_contained(factors, claim.factor))
      os << "dimension " << dim << " (";
  printFactor(os, op.rule, claim.factor);
  os << ") on ";
  printAxes(os, claim.axis, graph.mesh);
}

static std::string describeClaim(const PropagationGraph &graph, const AnnotationConflict &conflict,
                                 const TracedClaim &claim) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printClaim(graph, conflict, claim, os);
  return text;
}

static void attachLink(Diagnostic &diagnostic, const PropagationGraph &graph,
                       const LayoutDecision &link) {
  const GraphOp &op = graph.ops[link.op];
  std::string tensor;
  llvm::raw_string_ostream os(tensor);
  printTensor(os, op, link.source);
  diagnostic.attachNote(op.op->getLoc())
      << "through " << op.op->getName() << ", from its " << tensor;
}

/// The claim, the ops it came through (of a long way both ends), the annotation.
static void attachChain(Diagnostic &diagnostic, const PropagationGraph &graph,
                        const AnnotationConflict &conflict, const TracedClaim &claim) {
  constexpr unsigned kShown = 3;
  diagnostic.attachNote(graph.ops[conflict.op].op->getLoc())
      << describeClaim(graph, conflict, claim);
  unsigned count = claim.links.size();
  for (auto [number, link] : llvm::enumerate(claim.links)) {
    if (number < kShown || number + kShown >= count)
      attachLink(diagnostic, graph, *link);
    else if (number == kShown)
      diagnostic.attachNote(graph.ops[link->op].op->getLoc())
          << "through " << count - 2 * kShown << " more ops";
  }
  Diagnostic &end = diagnostic.attachNote(getAnnotationLoc(graph, claim));
  auto argument = dyn_cast_if_present<BlockArgument>(graph.values[claim.source].value);
  if (!argument) {
    end << "which is asked for here";
    return;
  }
  auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  auto param = function.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam);
  if (param)
    end << "as '" << param.getName() << "' is split here";
  else
    end << "as argument " << argument.getArgNumber() << " lies so";
}

static void attachChains(InFlightDiagnostic &diagnostic, const PropagationGraph &graph,
                         const AnnotationConflict &conflict) {
  for (const TracedClaim *claim : {&conflict.kept, &conflict.lost})
    attachChain(*diagnostic.getUnderlyingDiagnostic(), graph, conflict, *claim);
}

static void printRule(InFlightDiagnostic &diagnostic, const PropagationGraph &graph,
                      const AnnotationConflict &conflict) {
  std::string axis;
  llvm::raw_string_ostream os(axis);
  printAxes(os, conflict.kept.axis, graph.mesh);
  bool sameFactor = conflict.kept.factor == conflict.lost.factor;
  diagnostic << "two annotations "
             << (sameFactor ? "split a dimension of one " : "want " + axis + " of one ")
             << graph.ops[conflict.op].op->getName() << (sameFactor ? " in two ways: " : ": ")
             << describeClaim(graph, conflict, conflict.kept) << ", "
             << describeClaim(graph, conflict, conflict.lost);
}

void tpc::emitConflictError(const PropagationGraph &graph, const AnnotationConflict &conflict) {
  InFlightDiagnostic diagnostic = emitError(graph.ops[conflict.op].op->getLoc());
  printRule(diagnostic, graph, conflict);
  diagnostic << "; make them agree, or let --on-conflict=cost choose";
  attachChains(diagnostic, graph, conflict);
}

/// Why the one claim was kept.
static std::string getReason(const ConflictGrounds &grounds) {
  switch (grounds.reason) {
  case ConflictReason::Priority:
    return grounds.priority == ClaimPriority::Parameter ? "a parameter stays where the plan puts it"
                                                        : "it is asked for at this very value";
  case ConflictReason::Cost:
    return llvm::formatv("to move the other takes {0:f1} us, to move this one {1:f1} us",
                         grounds.lost * 1e6, grounds.kept * 1e6)
        .str();
  case ConflictReason::Size:
    return "both cost the same, and its tensor is the larger one";
  case ConflictReason::Order:
    return "both cost the same, and its dimension or mesh axis is the earlier one";
  case ConflictReason::Earlier:
    return "it had come here before the other";
  }
  llvm_unreachable("no such reason");
}

void tpc::emitConflictRemark(const PropagationGraph &graph, const AnnotationConflict &conflict) {
  InFlightDiagnostic diagnostic = emitRemark(graph.ops[conflict.op].op->getLoc());
  printRule(diagnostic, graph, conflict);
  diagnostic << "; the first is kept: " << getReason(conflict.grounds);
  attachChains(diagnostic, graph, conflict);
}
