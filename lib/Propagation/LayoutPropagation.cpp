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
        (level == Broadcasts && graphOp.repeats))
      enqueue(op);
  }
}

/// All that operands know of results, then all that results know of operands.
void LayoutPropagation::sweep() {
  ++round;
  while (!forward.empty()) {
    unsigned op = forward.begin()->second;
    forward.erase(forward.begin());
    visit(op, SweepDirection::Forward);
  }
  while (!backward.empty() || !pending.empty())
    if (backward.empty() ||
        (!pending.empty() && pending.rbegin()->first.first >= backward.rbegin()->first))
      decideDeepest();
    else
      visitDeepest();
}

void LayoutPropagation::visitDeepest() {
  unsigned op = backward.rbegin()->second;
  backward.erase(std::prev(backward.end()));
  if (!graph.ops[op].forwardOnly)
    visit(op, SweepDirection::Backward);
}

/// All values of one depth, before users of one of them can tell another of it.
void LayoutPropagation::decideDeepest() {
  unsigned depth = pending.rbegin()->first.first;
  auto first = pending.lower_bound({depth, 0});
  std::map<std::pair<unsigned, unsigned>, std::vector<ValueClaim>> due(
      std::make_move_iterator(first), std::make_move_iterator(pending.end()));
  pending.erase(first, pending.end());
  for (auto &[key, claims] : due)
    decide(key.second, claims);
}

void LayoutPropagation::visit(unsigned op, SweepDirection direction) {
  const GraphOp &graphOp = graph.ops[op];
  PropagationOptions options;
  options.requireEven = false; // tpc-pad-uneven follows
  options.kinds = {FactorKind::PassThrough};
  if (level >= Reductions)
    options.kinds.append({FactorKind::Reduction, FactorKind::Internal});
  SmallVector<TensorFactors, 6> before = project(graphOp, direction);
  if (direction == SweepDirection::Forward)
    updatePartial(op, before);
  const SmallVector<TensorFactors, 6> asTheyLie = before;
  ClaimOrder order(graphOp, asTheyLie, graph, getPricer());
  SmallVector<FactorClaim> claims = order.getClaims();
  dropBeatenClaims(op, claims, order, before, direction);
  SmallVector<TensorFactors, 6> after = before;
  options.order = claims;
  PropagationResult result = propagateFactors(graphOp.rule, after, options);
  recordConflicts(op, result.conflicts, claims, order, before);
  if (!result.changed)
    return;
  if (direction == SweepDirection::Forward)
    updateResults(op, before, after);
  else
    claimOperands(op, before, after);
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

/// What `after` says of a tensor, if it says more than `before` and its dimensions can say it.
static std::optional<Layout> getNews(const GraphOp &op, unsigned tensor,
                                     const TensorFactors &before, const TensorFactors &after,
                                     const Mesh &mesh) {
  if (after.layout == before.layout || !after.layout.misplaced.empty())
    return std::nullopt;
  return unprojectLayout(op.rule, op.getMapping(tensor), after.layout.axes, mesh).layout;
}

/// The tensor from which `target` took the axes of a dimension: of those that split one of its
/// factors further, and as it does now, the one nearest to an annotation, which has the highest
/// priority.
static unsigned findSource(const GraphOp &op, unsigned target, unsigned dim,
                           ArrayRef<TensorFactors> before, ArrayRef<TensorFactors> after) {
  unsigned best = target;
  for (unsigned factor : op.getMapping(target)[dim]) {
    const AxisList &own = before[target].layout.axes[factor];
    for (unsigned source = 0; source < before.size(); ++source) {
      const AxisList &axes = before[source].layout.axes[factor];
      if (source != target && getSize(axes) > getSize(own) &&
          areCompatible(axes, after[target].layout.axes[factor]) &&
          (best == target || before[source].priority > before[best].priority))
        best = source;
    }
  }
  return best;
}

void LayoutPropagation::updateResults(unsigned op, ArrayRef<TensorFactors> before,
                                      ArrayRef<TensorFactors> after) {
  const GraphOp &graphOp = graph.ops[op];
  for (unsigned tensor = graphOp.numOperands; tensor < after.size(); ++tensor) {
    std::optional<Layout> news =
        getNews(graphOp, tensor, before[tensor], after[tensor], graph.mesh);
    unsigned value = graphOp.tensors[tensor];
    if (!news || news->dims == graph.values[value].layout.dims)
      continue;
    for (auto [dim, axes] : llvm::enumerate(news->dims))
      if (axes != graph.values[value].layout.dims[dim])
        record(value, dim, axes, op, findSource(graphOp, tensor, dim, before, after),
               SweepDirection::Forward);
    graph.values[value].layout.dims = news->dims;
    enqueueUsers(value);
  }
}

/// What an op said before of an operand no longer holds.
void LayoutPropagation::claimOperands(unsigned op, ArrayRef<TensorFactors> before,
                                      ArrayRef<TensorFactors> after) {
  const GraphOp &graphOp = graph.ops[op];
  for (unsigned tensor = 0; tensor < graphOp.numOperands; ++tensor) {
    std::optional<Layout> news =
        getNews(graphOp, tensor, before[tensor], after[tensor], graph.mesh);
    if (!news)
      continue;
    unsigned value = graphOp.tensors[tensor];
    std::vector<ValueClaim> &claims = pending[{graph.values[value].depth, value}];
    llvm::erase_if(
        claims, [&](const ValueClaim &claim) { return claim.op == op && claim.tensor == tensor; });
    for (unsigned dim = 0; dim < news->dims.size(); ++dim) {
      if (news->dims[dim] == graph.values[value].layout.dims[dim])
        continue;
      unsigned source = findSource(graphOp, tensor, dim, before, after);
      claims.push_back({op, tensor, source, dim, news->dims[dim], before[source].priority});
    }
  }
}

void LayoutPropagation::decide(unsigned value, std::vector<ValueClaim> &claims) {
  ValueDecision decision = decideValue(graph, value, claims, getPricer());
  for (const ValueDecision::Lost &lost : decision.lost)
    recordLost(lost);
  if (decision.taken.empty())
    return;
  for (const ValueDecision::Taken &taken : decision.taken) {
    record(value, taken.dim, taken.axes, taken.claim->op, taken.claim->source,
           SweepDirection::Backward);
    graph.values[value].layout.dims[taken.dim] = taken.axes;
  }
  enqueueUsers(value);
}

void LayoutPropagation::enqueue(unsigned op) {
  forward.insert({graph.ops[op].depth, op});
  backward.insert({graph.ops[op].depth, op});
}

/// The ops that the value is news for, its own included.
void LayoutPropagation::enqueueUsers(unsigned value) {
  for (unsigned op : graph.values[value].ops)
    if (graph.ops[op].phase == phase && isDue(graph.ops[op]))
      enqueue(op);
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

/// Of claims of one axis by several factors, only the first spreads to other tensors.
void LayoutPropagation::dropBeatenClaims(unsigned op, ArrayRef<FactorClaim> claims,
                                         ClaimOrder &order, MutableArrayRef<TensorFactors> tensors,
                                         SweepDirection direction) {
  const GraphOp &graphOp = graph.ops[op];
  SmallVector<FactorClaim> held;
  for (const FactorClaim &claim : claims) {
    AxisList &axes = tensors[claim.tensor].layout.axes[claim.factor];
    auto beats = [&](const FactorClaim &other, const AxisRef &axis) {
      return other.factor != claim.factor &&
             llvm::any_of(tensors[other.tensor].layout.axes[other.factor],
                          [&](const AxisRef &taken) { return taken.overlaps(axis); });
    };
    bool beaten = false;
    for (unsigned i = 0; i < axes.size() && !beaten; ++i) {
      auto *holder =
          llvm::find_if(held, [&](const FactorClaim &other) { return beats(other, axes[i]); });
      beaten = holder != held.end();
      if (!beaten)
        continue;
      FactorConflict conflict{claim.factor, claim.tensor, holder->tensor, axes[i], holder->factor};
      recordConflict(op, conflict, order.getGrounds(*holder, claim));
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
        forward.insert({graph.ops[user].depth, user});
  }
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

void LayoutPropagation::record(unsigned value, unsigned dim, const AxisList &axes, unsigned op,
                               unsigned source, SweepDirection direction) {
  decisions.push_back({value, dim, axes, op, source, direction, round});
  LLVM_DEBUG(llvm::dbgs() << "round " << round
                          << (direction == SweepDirection::Forward ? " forward: " : " backward: ")
                          << graph.ops[op].op->getName() << " splits dimension " << dim
                          << " of value " << value << " as tensor " << source << " does\n");
}

bool LayoutPropagation::isOpen(unsigned op, unsigned tensor) const {
  int number = graph.ops[op].tensors[tensor];
  return number >= 0 && llvm::is_contained(graph.values[number].layout.open, true);
}

/// Only what was open counts: that a request differs from what reaches it is a reshard, no
/// conflict.
void LayoutPropagation::recordConflict(unsigned op, const FactorConflict &claim,
                                       const ConflictGrounds &grounds) {
  bool sameFactor = claim.holder == claim.factor;
  if ((sameFactor && !isOpen(op, claim.target)) ||
      !known.insert({op, claim.factor, sameFactor ? claim.target : 0, claim.axis}).second)
    return;
  conflicts.push_back({op, claim, grounds});
  LLVM_DEBUG(llvm::dbgs() << "conflict at " << graph.ops[op].op->getName() << ": tensor "
                          << claim.target << " keeps factor " << claim.holder << ", tensor "
                          << claim.source << " wants factor " << claim.factor << "\n");
}

/// A tensor that had the axes `before` was not asked; else the first claim that contends has won.
void LayoutPropagation::recordConflicts(unsigned op, ArrayRef<FactorConflict> conflicts,
                                        ArrayRef<FactorClaim> claims, ClaimOrder &order,
                                        ArrayRef<TensorFactors> before) {
  for (const FactorConflict &conflict : conflicts) {
    FactorClaim lost{conflict.source, conflict.factor};
    const auto *kept = llvm::find_if(claims, [&](const FactorClaim &claim) {
      return claim.factor == conflict.holder && claim.tensor != lost.tensor &&
             order.contend(claim, lost);
    });
    bool wasAsked = before[conflict.target].layout.axes[conflict.holder].empty();
    recordConflict(op, conflict,
                   wasAsked && kept != claims.end() ? order.getGrounds(*kept, lost)
                                                    : ConflictGrounds());
  }
}

/// Told of the user whose claim lost.
void LayoutPropagation::recordLost(const ValueDecision::Lost &lost) {
  const ValueClaim &claim = *lost.claim;
  const GraphOp &op = graph.ops[claim.op];
  const TensorMapping &mapping = op.getMapping(claim.tensor);
  SmallVector<TensorFactors, 6> tensors = project(op, SweepDirection::Forward);
  unsigned factor = mapping[claim.dim].front();
  for (unsigned other : mapping[claim.dim])
    if (overlapsAny(tensors[claim.source].layout.axes[other], lost.axis))
      factor = other;
  unsigned holder = lost.holder == claim.dim ? factor : mapping[lost.holder].front();
  recordConflict(claim.op, {factor, claim.source, claim.tensor, lost.axis, holder}, lost.grounds);
}
