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

bool SplitPricer::addOperandPrices(PricedSplit &priced, double limit) const {
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    std::optional<Layout> layout = getOperandLayout(rule, priced.split, number, context.mesh);
    if (!layout)
      return false;
    bool known = false; // the same value in the same layout is made once
    for (unsigned other = 0; other < number; ++other)
      known |= op->getOperand(other) == operand && priced.operands[other] == *layout;
    std::optional<double> seconds =
        known ? 0 : versions.getSeconds(operand, *layout, limit - priced.traffic);
    if (!seconds)
      return false;
    priced.traffic += *seconds;
    priced.operands.push_back(std::move(*layout));
  }
  return true;
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
    if (passesAllUsers(result)) {
      from.dropAxes(passing);
      to.dropAxes(passing);
    }
    priced.results.push_back(std::move(*layout));
    if (!isTensor(result) || result.use_empty())
      continue;
    std::optional<double> seconds = planner.getSecondsBelow(
        limit - priced.traffic, getShape(result), getElementBytes(result), from, to);
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
