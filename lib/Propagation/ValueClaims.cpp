//===- ValueClaims.cpp ----------------------------------------------------===//

#include "tpc/Propagation/ValueClaims.h"

using namespace mlir;
using namespace tpc;

/// Of claims that say the same one stays, that of the highest priority.
static void merge(std::vector<ValueClaim> &claims) {
  auto order = [](const ValueClaim &claim) {
    return std::tuple(claim.dim, -claim.priority, claim.op, claim.tensor);
  };
  llvm::sort(claims, [&](const ValueClaim &a, const ValueClaim &b) { return order(a) < order(b); });
  std::vector<ValueClaim> distinct;
  for (ValueClaim &claim : claims)
    if (llvm::none_of(distinct, [&](const ValueClaim &other) {
          return other.dim == claim.dim && other.axes == claim.axes;
        }))
      distinct.push_back(std::move(claim));
  claims = std::move(distinct);
}

namespace {
/// The claims as tensors of one op that maps dimensions to themselves; the value is its last
/// result. All are results, as a value is moved from what it took over to what others want.
class ClaimMeeting {
public:
  ClaimMeeting(const PropagationGraph &graph, unsigned value, ArrayRef<ValueClaim> claims,
               ConflictPricer *pricer)
      : graph(graph), value(graph.values[value]), claims(claims), op(makeOp(value)),
        tensors(makeTensors()), order(op, tensors, graph, pricer), sorted(order.getClaims()) {}

  ValueDecision run() {
    SmallVector<TensorFactors, 6> after = tensors;
    PropagationOptions options;
    options.requireEven = false; // the users judged it
    options.order = sorted;
    ValueDecision decision;
    for (const FactorConflict &conflict : propagateFactors(op.rule, after, options).conflicts)
      addLost(conflict, decision);
    const auto &axes = after.back().layout.axes;
    for (unsigned dim = 0; dim < axes.size(); ++dim)
      if (axes[dim] != value.layout.dims[dim])
        decision.taken.push_back({dim, axes[dim], findSource(dim)});
    return decision;
  }

private:
  GraphOp makeOp(unsigned number) const;
  SmallVector<TensorFactors, 6> makeTensors() const;
  const ValueClaim *findSource(unsigned dim) const;
  void addLost(const FactorConflict &conflict, ValueDecision &decision);

  const PropagationGraph &graph;
  const GraphValue &value;
  ArrayRef<ValueClaim> claims;
  GraphOp op;
  SmallVector<TensorFactors, 6> tensors;
  ClaimOrder order;
  SmallVector<FactorClaim> sorted;
};
} // namespace

GraphOp ClaimMeeting::makeOp(unsigned number) const {
  GraphOp op{};
  TensorMapping mapping;
  for (auto [dim, size] : llvm::enumerate(value.type.getShape())) {
    op.rule.factors.push_back({size, FactorKind::PassThrough, ReductionKind::Sum, ""});
    mapping.push_back({static_cast<unsigned>(dim)});
    op.factorRanks.push_back(dim);
  }
  op.rule.results.assign(claims.size() + 1, mapping);
  op.tensors.assign(claims.size() + 1, static_cast<int>(number));
  return op;
}

SmallVector<TensorFactors, 6> ClaimMeeting::makeTensors() const {
  SmallVector<TensorFactors, 6> made;
  auto add = [&](const Layout &layout, int priority) {
    TensorFactors &tensor = made.emplace_back(
        getTensorFactors(op.rule, op.rule.results[made.size()], layout, graph.mesh));
    tensor.priority = priority;
    tensor.bytes = getBytes(value.type);
  };
  for (const ValueClaim &claim : claims) {
    Layout layout = Layout::replicated(value.type.getRank());
    layout.dims[claim.dim] = claim.axes;
    add(layout, claim.priority);
  }
  add(value.layout, static_cast<int>(value.priority));
  return made;
}

/// The first claim of those that a dimension can have followed.
const ValueClaim *ClaimMeeting::findSource(unsigned dim) const {
  for (const FactorClaim &claim : sorted)
    if (claim.tensor < claims.size() && claim.factor == dim)
      return &claims[claim.tensor];
  return nullptr;
}

void ClaimMeeting::addLost(const FactorConflict &conflict, ValueDecision &decision) {
  if (conflict.target != claims.size() || conflict.source >= claims.size())
    return; // one claim differs from another: what the value makes of it is told
  FactorClaim lost{conflict.source, conflict.factor};
  for (const FactorClaim &kept : sorted)
    if (kept.factor == conflict.holder && kept.tensor != lost.tensor && order.contend(kept, lost)) {
      ConflictGrounds grounds;
      if (kept.tensor < claims.size()) // else the value had it before
        grounds = order.getGrounds(kept, lost);
      decision.lost.push_back({&claims[conflict.source], conflict.axis, conflict.holder, grounds});
      return;
    }
}

ValueDecision tpc::decideValue(const PropagationGraph &graph, unsigned value,
                               std::vector<ValueClaim> &claims, ConflictPricer *pricer) {
  merge(claims);
  if (claims.size() > 1)
    return ClaimMeeting(graph, value, claims, pricer).run();
  ValueDecision decision;
  for (const ValueClaim &claim : claims)
    decision.taken.push_back({claim.dim, claim.axes, &claim});
  return decision;
}
