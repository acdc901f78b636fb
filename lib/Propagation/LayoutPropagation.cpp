//===- LayoutPropagation.cpp ----------------------------------------------===//

#include "tpc/Propagation/LayoutPropagation.h"
#include "llvm/Support/Debug.h"

#define DEBUG_TYPE "tpc-propagate-layouts"

using namespace mlir;
using namespace tpc;

void LayoutPropagation::run() {
  for (ProgramPhase next : {ProgramPhase::Forward, ProgramPhase::Backward, ProgramPhase::Update})
    settle(next);
}

void LayoutPropagation::settle(ProgramPhase next) {
  phase = next;
  for (unsigned l = PassThrough; l < NumLevels; ++l) {
    level = static_cast<Level>(l);
    enqueueLevel(phase);
    while (!forward.empty() || !backward.empty())
      sweep();
  }
  close(phase);
}

static bool hasReductions(const ShardingRule &rule) {
  return llvm::any_of(rule.factors, [](const Factor &factor) {
    return factor.kind == FactorKind::Reduction || factor.kind == FactorKind::Internal;
  });
}

/// Ops that have something new to say at this level.
void LayoutPropagation::enqueueLevel(ProgramPhase phase) {
  for (unsigned op = 0; op < graph.ops.size(); ++op) {
    const GraphOp &graphOp = graph.ops[op];
    if (graphOp.phase != phase || !isDue(graphOp))
      continue;
    if (level == PassThrough || (level == Reductions && hasReductions(graphOp.rule)) ||
        (level == Broadcasts && graphOp.repeats)) {
      forward.insert(op);
      backward.insert(op);
    }
  }
}

/// All that operands know of results, then all that results know of operands.
void LayoutPropagation::sweep() {
  ++round;
  while (!forward.empty())
    visit(*forward.begin(), SweepDirection::Forward);
  while (!backward.empty())
    visit(*backward.rbegin(), SweepDirection::Backward);
}

void LayoutPropagation::visit(unsigned op, SweepDirection direction) {
  (direction == SweepDirection::Forward ? forward : backward).erase(op);
  const GraphOp &graphOp = graph.ops[op];
  if (graphOp.forwardOnly && direction == SweepDirection::Backward)
    return;
  PropagationOptions options;
  options.kinds = {FactorKind::PassThrough};
  if (level >= Reductions)
    options.kinds.append({FactorKind::Reduction, FactorKind::Internal});
  SmallVector<TensorFactors, 6> before = project(graphOp, direction), after = before;
  PropagationResult result = propagateFactors(graphOp.rule, after, options);
  recordConflicts(op, result.conflicts);
  if (result.changed)
    update(op, before, after, direction);
}

/// Results take over in forward sweeps, operands in backward sweeps.
bool LayoutPropagation::takesOver(const GraphOp &op, unsigned tensor,
                                  SweepDirection direction) const {
  if (direction == SweepDirection::Forward)
    return tensor >= op.numOperands;
  return tensor < op.numOperands && !graph.values[op.tensors[tensor]].forwardOnly;
}

SmallVector<TensorFactors, 6> LayoutPropagation::project(const GraphOp &op,
                                                         SweepDirection direction) const {
  SmallVector<TensorFactors, 6> tensors;
  for (unsigned tensor = 0; tensor < op.tensors.size(); ++tensor) {
    if (op.tensors[tensor] < 0) {
      tensors.push_back(getTensorFactors(op.rule, {}, Layout(), graph.mesh));
      continue;
    }
    const GraphValue &value = graph.values[op.tensors[tensor]];
    TensorFactors &factors = tensors.emplace_back(
        getTensorFactors(op.rule, op.getMapping(tensor), value.layout, graph.mesh));
    factors.priority = value.given;
    factors.bytes = getBytes(value.type);
    if (!takesOver(op, tensor, direction))
      factors.open.assign(op.rule.factors.size(), false);
    else if (op.forwardOnly)
      factors.blocked = graph.storageAxes;
  }
  return tensors;
}

/// Writes back what tensors took over, as far as their dimensions can say it.
void LayoutPropagation::update(unsigned op, ArrayRef<TensorFactors> before,
                               ArrayRef<TensorFactors> after, SweepDirection direction) {
  const GraphOp &graphOp = graph.ops[op];
  SmallVector<int, 4> changed;
  for (unsigned tensor = 0; tensor < after.size(); ++tensor) {
    if (after[tensor].layout == before[tensor].layout || !after[tensor].layout.misplaced.empty())
      continue;
    int number = graphOp.tensors[tensor];
    if (llvm::is_contained(changed, number)) { // the value is another operand as well: look again
      enqueueNeighbours(number);
      continue;
    }
    Layout layout = unprojectLayout(graphOp.rule, graphOp.getMapping(tensor),
                                    after[tensor].layout.axes, graph.mesh)
                        .layout;
    if (layout.dims == graph.values[number].layout.dims)
      continue;
    record(op, tensor, layout, before, direction);
    graph.values[number].layout.dims = layout.dims;
    changed.push_back(number);
    enqueueNeighbours(number);
  }
}

void LayoutPropagation::enqueueNeighbours(unsigned value) {
  for (unsigned op : graph.values[value].ops)
    if (graph.ops[op].phase == phase && isDue(graph.ops[op])) {
      forward.insert(op);
      backward.insert(op);
    }
}

/// Values of a phase that is over take nothing more.
void LayoutPropagation::close(ProgramPhase phase) {
  for (GraphValue &value : graph.values)
    if (value.phase == phase)
      value.layout.open.clear();
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

/// The tensor from which `target` took the axes of a dimension: the first that splits one of its
/// factors further.
static unsigned findSource(const GraphOp &op, unsigned target, unsigned dim,
                           ArrayRef<TensorFactors> before) {
  for (unsigned factor : op.getMapping(target)[dim])
    for (unsigned source = 0; source < before.size(); ++source)
      if (source != target &&
          getSize(before[source].layout.axes[factor]) > getSize(before[target].layout.axes[factor]))
        return source;
  return target;
}

void LayoutPropagation::record(unsigned op, unsigned tensor, const Layout &layout,
                               ArrayRef<TensorFactors> before, SweepDirection direction) {
  const GraphOp &graphOp = graph.ops[op];
  unsigned value = graphOp.tensors[tensor];
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim) {
    if (layout.dims[dim] == graph.values[value].layout.dims[dim])
      continue;
    unsigned source = findSource(graphOp, tensor, dim, before);
    decisions.push_back({value, dim, layout.dims[dim], op, source, direction, round});
    LLVM_DEBUG(llvm::dbgs() << "round " << round
                            << (direction == SweepDirection::Forward ? " forward: " : " backward: ")
                            << graphOp.op->getName() << " tensor " << tensor << " from tensor "
                            << source << ": " << toDTensorString(layout, graph.mesh) << "\n");
  }
}

/// Only what was open counts: that a request differs from what reaches it is a reshard, no
/// conflict.
void LayoutPropagation::recordConflicts(unsigned op, ArrayRef<FactorConflict> claims) {
  for (const FactorConflict &claim : claims) {
    int number = graph.ops[op].tensors[claim.target];
    if (number < 0 ||
        llvm::none_of(
            graph.values[number].layout.open, [](bool open) { return open; }) ||
        !known.insert({op, claim.factor, claim.target, claim.axis}).second)
      continue;
    conflicts.push_back({op, claim});
    LLVM_DEBUG(llvm::dbgs() << "conflict at " << graph.ops[op].op->getName() << ": tensor "
                            << claim.target << " cannot split factor " << claim.factor
                            << " as tensor " << claim.source << " does\n");
  }
}
