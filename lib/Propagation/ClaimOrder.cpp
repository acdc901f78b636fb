//===- ClaimOrder.cpp -----------------------------------------------------===//

#include "tpc/Propagation/ClaimOrder.h"

using namespace mlir;
using namespace tpc;

/// The dimensions of `factor` in the tensors with these mappings, ascending.
static SmallVector<unsigned> getDims(ArrayRef<TensorMapping> mappings, unsigned factor) {
  SmallVector<unsigned> dims;
  for (const TensorMapping &mapping : mappings)
    for (auto [dim, factors] : llvm::enumerate(mapping))
      if (llvm::is_contained(factors, factor))
        dims.push_back(dim);
  llvm::sort(dims);
  return dims;
}

SmallVector<unsigned, 6> tpc::rankFactors(const ShardingRule &rule) {
  using Place = std::tuple<bool, SmallVector<unsigned>, SmallVector<unsigned>, unsigned>;
  SmallVector<Place> places;
  for (unsigned factor = 0; factor < rule.factors.size(); ++factor) {
    SmallVector<unsigned> results = getDims(rule.results, factor);
    bool isSummed = results.empty();
    places.emplace_back(isSummed, std::move(results), getDims(rule.operands, factor), factor);
  }
  llvm::sort(places);
  SmallVector<unsigned, 6> ranks(places.size());
  for (auto [rank, place] : llvm::enumerate(places))
    ranks[std::get<3>(place)] = rank;
  return ranks;
}

bool ClaimOrder::comesFirst(const FactorClaim &a, const FactorClaim &b) const {
  const TensorFactors &left = tensors[a.tensor], &right = tensors[b.tensor];
  auto first = std::tuple(-left.priority, -left.bytes, op.factorRanks[a.factor]);
  auto second = std::tuple(-right.priority, -right.bytes, op.factorRanks[b.factor]);
  if (first != second)
    return first < second;
  ArrayRef<AxisRef> axes = getAxes(a), others = getAxes(b);
  if (axes != others)
    return std::lexicographical_compare(axes.begin(), axes.end(), others.begin(), others.end());
  return a.tensor < b.tensor; // they say the same
}

bool ClaimOrder::contend(const FactorClaim &a, const FactorClaim &b) const {
  if (a.factor == b.factor)
    return !areCompatible(getAxes(a), getAxes(b));
  return llvm::any_of(getAxes(a), [&](const AxisRef &axis) {
    return llvm::any_of(getAxes(b), [&](const AxisRef &other) { return axis.overlaps(other); });
  });
}

/// Of two claims of equal priority the one goes first that costs more to move.
void ClaimOrder::preferDearer(MutableArrayRef<FactorClaim> claims) {
  for (unsigned i = 0; i < claims.size(); ++i)
    for (unsigned j = i + 1; j < claims.size(); ++j) {
      if (!isPriced(claims[i], claims[j]) || !contend(claims[i], claims[j]))
        continue;
      ConflictGrounds grounds = getGrounds(claims[i], claims[j]);
      if (isCheaper(grounds.kept, grounds.lost))
        std::rotate(claims.begin() + i, claims.begin() + j, claims.begin() + j + 1);
    }
}

SmallVector<FactorClaim> ClaimOrder::getClaims() {
  SmallVector<FactorClaim> claims;
  for (unsigned tensor = 0; tensor < tensors.size(); ++tensor)
    for (unsigned factor = 0; factor < op.rule.factors.size(); ++factor)
      if (op.rule.factors[factor].kind != FactorKind::NeedReplication &&
          !tensors[tensor].layout.axes[factor].empty())
        claims.push_back({tensor, factor});
  llvm::sort(claims, [&](const FactorClaim &a, const FactorClaim &b) { return comesFirst(a, b); });
  preferDearer(claims);
  return claims;
}

ConflictGrounds ClaimOrder::getGrounds(const FactorClaim &kept, const FactorClaim &lost) {
  const TensorFactors &first = tensors[kept.tensor], &second = tensors[lost.tensor];
  ConflictGrounds grounds;
  grounds.priority = static_cast<ClaimPriority>(first.priority);
  grounds.reason = ConflictReason::Priority;
  if (first.priority != second.priority)
    return grounds;
  if (pricer) {
    grounds.kept = pricer->getSeconds(op, tensors, graph, kept, lost);
    grounds.lost = pricer->getSeconds(op, tensors, graph, lost, kept);
  }
  if (isCheaper(grounds.lost, grounds.kept))
    grounds.reason = ConflictReason::Cost;
  else
    grounds.reason = first.bytes > second.bytes ? ConflictReason::Size : ConflictReason::Order;
  return grounds;
}
