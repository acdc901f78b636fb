//===- SplitPricer.cpp ----------------------------------------------------===//

#include "SplitPricer.h"

using namespace mlir;
using namespace tpc;

static bool isTensor(Value value) { return isa<RankedTensorType>(value.getType()); }

std::optional<PricedSplit> SplitPricer::findCheapest() const {
  std::optional<PricedSplit> best;
  double limit = std::numeric_limits<double>::infinity();
  for (OpSplit &split : getCandidates()) {
    if (best) // what is dearer by a picosecond is not chosen
      limit = best->traffic + 1e-12;
    std::optional<PricedSplit> priced = price(std::move(split), limit);
    if (priced && (!best || *priced < *best))
      best = std::move(priced);
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

std::vector<OpSplit> SplitPricer::getCandidates() const {
  SplitCandidates candidates(rule, context.mesh);
  for (auto [number, layout] : llvm::enumerate(wanted))
    candidates.addLayout(rule.results[number], layout);
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (!isTensor(operand))
      continue;
    candidates.addLayout(rule.operands[number], versions.getWanted(operand));
    for (const std::vector<Layout> &layouts :
         {versions.getLayouts(operand), versions.getRequested(operand)})
      for (const Layout &layout : layouts)
        candidates.addLayout(rule.operands[number], layout);
  }
  addPassing(candidates);
  return candidates.enumerate();
}

void SplitPricer::addPassing(SplitCandidates &candidates) const {
  auto isPartialOver = [&](Value operand, const AxisRef &axis) {
    Layout zeros = Layout::replicated(getShape(operand).size());
    zeros.partial = {axis};
    return llvm::is_contained(versions.getPassingAxes(operand), axis) ||
           versions.isFree(operand, zeros);
  };
  for (auto [number, set] : llvm::enumerate(rule.linearSets)) {
    AxisList axes;
    for (unsigned member : set)
      for (const AxisRef &axis : versions.getPassingAxes(op->getOperand(member)))
        if (!llvm::is_contained(axes, axis))
          axes.push_back(axis);
    for (const AxisRef &axis : axes)
      if (llvm::all_of(
              set, [&](unsigned member) { return isPartialOver(op->getOperand(member), axis); }))
        candidates.addPassing(number, axis);
  }
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

std::optional<PricedSplit> SplitPricer::price(OpSplit split, double limit) const {
  PricedSplit priced;
  priced.split = std::move(split);
  if (!addOperandPrices(priced, limit) || !addResultPrices(priced, limit))
    return std::nullopt;
  addOpPrices(priced);
  return priced;
}

std::optional<double> SplitPricer::getOperandSeconds(Value operand, const Layout &layout,
                                                     double limit) const {
  auto known = llvm::find_if(operandPrices, [&](const OperandPrice &price) {
    return price.operand == operand && price.layout == layout;
  });
  if (known == operandPrices.end())
    known = operandPrices.insert(known, {operand, layout, 0, false});
  if (!known->exact && known->seconds < limit) {
    std::optional<double> seconds = versions.getSeconds(operand, layout, limit);
    known->exact = seconds.has_value();
    known->seconds = seconds.value_or(limit);
  }
  return known->exact && known->seconds < limit ? std::optional(known->seconds) : std::nullopt;
}

bool SplitPricer::addOperandPrices(PricedSplit &priced, double limit) const {
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    std::optional<Layout> layout = getOperandLayout(rule, priced.split, number, context.mesh);
    if (!layout)
      return false;
    bool known = false; // the same value in the same layout is made once
    for (unsigned other = 0; other < number; ++other)
      known |= op->getOperand(other) == operand && priced.operands[other] == *layout;
    std::optional<double> seconds =
        known ? 0 : getOperandSeconds(operand, *layout, limit - priced.traffic);
    if (!seconds)
      return false;
    priced.traffic += *seconds;
    priced.operands.push_back(std::move(*layout));
  }
  return true;
}

/// The result of `user` that is `value` in the same layout, if sums pass through; else null.
static Value getPassedOn(OpOperand &use) {
  auto user = dyn_cast<ShardingRuleOpInterface>(use.getOwner());
  if (!user || user->getNumResults() != 1)
    return {};
  ShardingRule rule = user.getShardingRule();
  unsigned number = use.getOperandNumber();
  bool isLinear = llvm::any_of(rule.linearSets,
                               [&](ArrayRef<unsigned> set) { return set == ArrayRef(number); });
  return isLinear && rule.operands[number] == rule.results[0] ? user->getResult(0) : Value();
}

/// How a user needs its operand to lie so that it fits what another operand already does.
std::optional<Layout> SplitPricer::getLayoutBeside(OpOperand &use, unsigned other) const {
  auto user = cast<ShardingRuleOpInterface>(use.getOwner());
  FailureOr<Layout> layout = context.readLayout(user->getOperand(other));
  if (failed(layout))
    return std::nullopt;
  ShardingRule userRule = user.getShardingRule();
  FactorLayout factors = projectLayout(userRule, userRule.operands[other], *layout, context.mesh);
  const TensorMapping &mapping = userRule.operands[use.getOperandNumber()];
  return getNormalized(unprojectLayout(userRule, mapping, factors.axes, context.mesh).layout,
                       context.mesh);
}

/// The layout that the first user asks of a sum which splits what it is summed over, if there is
/// one: a request, or a product with a weight that is split.
std::optional<Layout> SplitPricer::getScattered(Value value, const Layout &sum) const {
  auto scatters = [&](const Layout &layout) {
    AxisList used = layout.getUsedAxes();
    return llvm::all_of(sum.partial,
                        [&](const AxisRef &axis) { return llvm::is_contained(used, axis); });
  };
  while (value) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      auto request = dyn_cast<ConstrainOp>(user);
      if (request && request.getLayout().getMesh() == context.symbol)
        if (Layout layout = request.getLayout().getLayout(context.mesh); scatters(layout))
          return getNormalized(layout, context.mesh);
      if (!isa<ContractOp>(user))
        continue;
      for (unsigned other = 0; other < user->getNumOperands(); ++other)
        if (auto layout = getLayoutBeside(use, other);
            other != use.getOperandNumber() && layout && scatters(*layout))
          return layout;
    }
    value = value.hasOneUse() ? getPassedOn(*value.use_begin()) : Value();
  }
  return std::nullopt;
}

/// To where propagation wants a result; a sum is formed where it is scattered at once, if that is
/// cheaper.
std::optional<double> SplitPricer::getReductionSeconds(Value result, const Layout &from,
                                                       const Layout &to, double limit) const {
  auto getSeconds = [&](const Layout &end) {
    return planner.getSecondsBelow(limit, getShape(result), getElementBytes(result), from, end);
  };
  std::optional<double> seconds = getSeconds(to);
  std::optional<Layout> scattered =
      from.isPartial() ? getScattered(result, from) : std::optional<Layout>();
  if (!scattered)
    return seconds;
  std::optional<double> others = getSeconds(*scattered);
  return !seconds || (others && *others < *seconds) ? others : seconds;
}

/// What is Partial because operands were, and may stay so, is not paid for here: it will be reduced
/// once, with what it is added to.
bool SplitPricer::addResultPrices(PricedSplit &priced, double limit) const {
  AxisList passing;
  for (const AxisList &axes : priced.split.passing)
    passing.append(axes);
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    std::optional<Layout> layout = getResultLayout(rule, priced.split, number, context.mesh);
    if (!layout)
      return false;
    priced.strayResults += *layout != wanted[number];
    Layout from = *layout, to = wanted[number];
    auto [known, isNew] = passes.try_emplace(result, false);
    if (isNew)
      known->second = passesAllUsers(result);
    if (known->second) {
      from.dropAxes(passing);
      to.dropAxes(passing);
    }
    priced.results.push_back(std::move(*layout));
    if (!isTensor(result) || result.use_empty())
      continue;
    std::optional<double> seconds = getReductionSeconds(result, from, to, limit - priced.traffic);
    if (!seconds)
      return false;
    priced.traffic += *seconds;
  }
  return true;
}

/// The arithmetic of the op on one rank, with the collectives inside it: an Internal factor is
/// joined by two all-reduces of the results. (Memory traffic is not counted: elementwise ops will
/// be fused into their neighbours.)
void SplitPricer::addOpPrices(PricedSplit &priced) const {
  double parts = 1, resultBytes = 0;
  for (auto [number, result] : llvm::enumerate(op->getResults()))
    if (isTensor(result))
      resultBytes +=
          static_cast<double>(getBytes(getLocalType(result.getType(), priced.results[number])));
  for (auto [factor, axes] : llvm::zip_equal(rule.factors, priced.split.factors)) {
    parts *= static_cast<double>(getSize(axes));
    if (factor.kind == FactorKind::Internal)
      priced.traffic +=
          2 * planner.getCostModel().getSeconds(CollectiveKind::AllReduce, axes, resultBytes);
  }
  auto cost = dyn_cast<CostOpInterface>(op);
  double flops = cost ? static_cast<double>(cost.getFlops()) / parts : 0;
  priced.work = planner.getCostModel().getComputeSeconds(flops, 0);
}
