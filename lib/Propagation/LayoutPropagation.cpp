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
  options.requireEven = false; // tpc-pad-uneven follows
  options.kinds = {FactorKind::PassThrough};
  if (level >= Reductions)
    options.kinds.append({FactorKind::Reduction, FactorKind::Internal});
  SmallVector<TensorFactors, 6> before = project(graphOp, direction);
  if (direction == SweepDirection::Forward)
    updatePartial(op, before);
  dropBeatenClaims(op, before, direction);
  SmallVector<TensorFactors, 6> after = before;
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
    factors.priority = static_cast<int>(value.priority);
    factors.bytes = getBytes(value.type);
    if (!takesOver(op, tensor, direction))
      factors.open.assign(op.rule.factors.size(), false);
    else if (op.forwardOnly)
      factors.blocked = graph.storageAxes;
    else if (direction == SweepDirection::Backward)
      factors.blocked = value.inherited;
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
// What an op allows
//===----------------------------------------------------------------------===//

static SmallVector<OpClaim> getClaims(const ShardingRule &rule, ArrayRef<TensorFactors> tensors) {
  SmallVector<OpClaim> claims;
  for (unsigned tensor = 0; tensor < tensors.size(); ++tensor)
    for (unsigned factor = 0; factor < rule.factors.size(); ++factor)
      if (rule.factors[factor].kind != FactorKind::NeedReplication &&
          !tensors[tensor].layout.axes[factor].empty())
        claims.push_back({tensor, factor});
  auto order = [&](const OpClaim &claim) {
    const TensorFactors &tensor = tensors[claim.tensor];
    return std::make_tuple(-tensor.priority, -tensor.bytes, claim.tensor, claim.factor);
  };
  llvm::sort(claims, [&](const OpClaim &a, const OpClaim &b) { return order(a) < order(b); });
  return claims;
}

/// The axis that two claims by different factors both want, if there is one.
static std::optional<AxisRef> getContested(ArrayRef<TensorFactors> tensors, const OpClaim &a,
                                           const OpClaim &b) {
  if (a.factor == b.factor)
    return std::nullopt;
  for (const AxisRef &axis : tensors[a.tensor].layout.axes[a.factor])
    for (const AxisRef &other : tensors[b.tensor].layout.axes[b.factor])
      if (axis.overlaps(other))
        return axis;
  return std::nullopt;
}

ConflictCosts LayoutPropagation::getCosts(const GraphOp &op, ArrayRef<TensorFactors> tensors,
                                          const FactorConflict &claim) {
  if (phase != ProgramPhase::Forward ||
      tensors[claim.source].priority != tensors[claim.target].priority)
    return {};
  return {pricer.getSeconds(op, tensors, graph, claim.holder, claim.factor, claim.axis),
          pricer.getSeconds(op, tensors, graph, claim.factor, claim.holder, claim.axis)};
}

/// Of two claims of equal priority the one goes first that costs more to move. Only requests are
/// priced, not what follows from them for gradients.
void LayoutPropagation::preferCheaper(const GraphOp &op, ArrayRef<TensorFactors> tensors,
                                      MutableArrayRef<OpClaim> claims) {
  for (unsigned i = 0; i < claims.size(); ++i)
    for (unsigned j = i + 1; j < claims.size(); ++j) {
      std::optional<AxisRef> axis = getContested(tensors, claims[i], claims[j]);
      if (!axis)
        continue;
      ConflictCosts costs =
          getCosts(op, tensors,
                   {claims[j].factor, claims[j].tensor, claims[i].tensor, *axis, claims[i].factor});
      if (costs.kept < costs.lost)
        std::rotate(claims.begin() + i, claims.begin() + j, claims.begin() + j + 1);
    }
}

/// Of claims of one axis by several factors, only the first spreads to other tensors.
void LayoutPropagation::dropBeatenClaims(unsigned op, MutableArrayRef<TensorFactors> tensors,
                                         SweepDirection direction) {
  const GraphOp &graphOp = graph.ops[op];
  SmallVector<OpClaim> held, claims = getClaims(graphOp.rule, tensors);
  preferCheaper(graphOp, tensors, claims);
  for (const OpClaim &claim : claims) {
    AxisList &axes = tensors[claim.tensor].layout.axes[claim.factor];
    auto beats = [&](const OpClaim &other, const AxisRef &axis) {
      return other.factor != claim.factor &&
             llvm::any_of(tensors[other.tensor].layout.axes[other.factor],
                          [&](const AxisRef &taken) { return taken.overlaps(axis); });
    };
    bool beaten = false;
    for (unsigned i = 0; i < axes.size() && !beaten; ++i) {
      auto holder =
          llvm::find_if(held, [&](const OpClaim &other) { return beats(other, axes[i]); });
      beaten = holder != held.end();
      if (!beaten)
        continue;
      FactorConflict conflict{claim.factor, claim.tensor, holder->tensor, axes[i], holder->factor};
      recordConflicts(op, conflict, getCosts(graphOp, tensors, conflict));
      if (!takesOver(graphOp, claim.tensor, direction))
        axes.truncate(i);
    }
    if (!beaten)
      held.push_back(claim);
  }
}

static bool overlapsAny(ArrayRef<AxisRef> axes, const AxisRef &axis) {
  return llvm::any_of(axes, [&](const AxisRef &other) { return other.overlaps(axis); });
}

/// Axes of factors that the operands split and `result` sums over.
static AxisList getSummedAxes(const GraphOp &op, unsigned result, ArrayRef<TensorFactors> tensors) {
  AxisList axes;
  for (unsigned operand = 0; operand < op.numOperands; ++operand)
    for (auto [factor, info] : llvm::enumerate(op.rule.factors)) {
      bool sums = info.kind == FactorKind::PassThrough ||
                  (info.kind == FactorKind::Reduction && info.reduction == ReductionKind::Sum);
      if (!sums || hasFactor(op.rule.results[result], factor))
        continue;
      for (const AxisRef &axis : tensors[operand].layout.axes[factor])
        if (!llvm::is_contained(axes, axis))
          axes.push_back(axis);
    }
  return axes;
}

/// Axes over which all operands of a set in which the op is linear are sums, and which nothing in
/// it splits.
static AxisList getInheritedAxes(const PropagationGraph &graph, const GraphOp &op) {
  AxisList axes, split;
  for (int number : op.tensors)
    if (number >= 0)
      for (const AxisList &list : graph.values[number].layout.dims)
        split.append(list.begin(), list.end());
  if (op.numOperands == 0)
    return axes;
  for (ArrayRef<unsigned> set : op.rule.linearSets)
    for (const AxisRef &axis : graph.values[op.tensors[set.front()]].partial) {
      bool inAll = llvm::all_of(set, [&](unsigned operand) {
        return llvm::is_contained(graph.values[op.tensors[operand]].partial, axis);
      });
      if (inAll && !overlapsAny(split, axis) && !llvm::is_contained(axes, axis))
        axes.push_back(axis);
    }
  return axes;
}

/// Follows sums from operands to results; a result that was asked for is a value, not a sum.
void LayoutPropagation::updatePartial(unsigned op, ArrayRef<TensorFactors> tensors) {
  const GraphOp &graphOp = graph.ops[op];
  for (unsigned result = 0; result < graphOp.rule.results.size(); ++result) {
    int number = graphOp.tensors[graphOp.numOperands + result];
    if (number < 0 || graph.values[number].priority != ClaimPriority::Derived)
      continue;
    GraphValue &value = graph.values[number];
    value.inherited = getInheritedAxes(graph, graphOp);
    AxisList partial = value.inherited;
    for (const AxisRef &axis : getSummedAxes(graphOp, result, tensors))
      if (!overlapsAny(partial, axis) && llvm::none_of(value.layout.dims, [&](const AxisList &dim) {
            return overlapsAny(dim, axis);
          }))
        partial.push_back(axis);
    if (partial == value.partial)
      continue;
    value.partial = std::move(partial);
    for (unsigned user : value.ops)
      if (user != op && graph.ops[user].phase == phase && isDue(graph.ops[user]))
        forward.insert(user);
  }
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

/// The tensor from which `target` took the axes of a dimension: of those that split one of its
/// factors further the one nearest to an annotation, which has the highest priority.
static unsigned findSource(const GraphOp &op, unsigned target, unsigned dim,
                           ArrayRef<TensorFactors> before) {
  unsigned best = target;
  for (unsigned factor : op.getMapping(target)[dim])
    for (unsigned source = 0; source < before.size(); ++source)
      if (source != target &&
          getSize(before[source].layout.axes[factor]) >
              getSize(before[target].layout.axes[factor]) &&
          (best == target || before[source].priority > before[best].priority))
        best = source;
  return best;
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

bool LayoutPropagation::isOpen(unsigned op, unsigned tensor) const {
  int number = graph.ops[op].tensors[tensor];
  return number >= 0 && llvm::is_contained(graph.values[number].layout.open, true);
}

/// Only what was open counts: that a request differs from what reaches it is a reshard, no
/// conflict.
void LayoutPropagation::recordConflicts(unsigned op, ArrayRef<FactorConflict> claims,
                                        ConflictCosts costs) {
  for (const FactorConflict &claim : claims) {
    bool sameFactor = claim.holder == claim.factor;
    if ((sameFactor && !isOpen(op, claim.target)) ||
        !known.insert({op, claim.factor, sameFactor ? claim.target : 0, claim.axis}).second)
      continue;
    conflicts.push_back({op, claim, costs});
    LLVM_DEBUG(llvm::dbgs() << "conflict at " << graph.ops[op].op->getName() << ": tensor "
                            << claim.target << " keeps factor " << claim.holder << ", tensor "
                            << claim.source << " wants factor " << claim.factor << "\n");
  }
}
