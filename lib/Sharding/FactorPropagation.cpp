//===- FactorPropagation.cpp ----------------------------------------------===//

#include "tpc/Sharding/FactorPropagation.h"
#include "llvm/ADT/STLExtras.h"
#include <tuple>

using namespace tpc;
using llvm::ArrayRef;
using llvm::MutableArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;

/// What `claimed` has beyond `own`, if `own` is a prefix of it or the reverse. Otherwise returns
/// the number of the first claimed axis that differs; else the number of claimed axes.
static unsigned getExtension(ArrayRef<AxisRef> own, ArrayRef<AxisRef> claimed,
                             AxisList &extension) {
  for (unsigned i = 0; i < claimed.size(); ++i) {
    const AxisRef &axis = claimed[i];
    if (i >= own.size()) {
      extension.push_back(axis);
      continue;
    }
    if (own[i] == axis)
      continue;
    bool startsAlike = own[i].axis == axis.axis && own[i].pre == axis.pre;
    if (startsAlike && i + 1 == own.size() && axis.size % own[i].size == 0)
      extension.push_back({axis.axis, axis.pre * own[i].size, axis.size / own[i].size});
    else if (!startsAlike || i + 1 != claimed.size() || own[i].size % axis.size != 0)
      return i;
  }
  return claimed.size();
}

bool tpc::areCompatible(ArrayRef<AxisRef> a, ArrayRef<AxisRef> b) {
  AxisList extension;
  return getExtension(a, b, extension) == b.size();
}

/// Appends `axis`, or lets the last axis grow by it where it is the next part of the same one.
static void append(AxisList &axes, const AxisRef &axis) {
  if (!axes.empty() && axes.back().axis == axis.axis &&
      axes.back().pre * axes.back().size == axis.pre)
    axes.back().size *= axis.size;
  else
    axes.push_back(axis);
}

namespace {
/// "`factor` is split over `axes`", said by tensor `source`.
struct Claim {
  unsigned source, factor;
  AxisList axes;
};

/// Applies claims to the tensors of one op.
class ClaimApplier {
public:
  ClaimApplier(const ShardingRule &rule, MutableArrayRef<TensorFactors> tensors,
               const PropagationOptions &options)
      : rule(rule), tensors(tensors), options(options) {}

  PropagationResult run() {
    for (const Claim &claim : collectClaims())
      for (unsigned target = 0; target < tensors.size(); ++target)
        if (target != claim.source && tensors[target].present[claim.factor])
          apply(claim, target);
    return std::move(result);
  }

private:
  bool propagates(FactorKind kind) const {
    return options.kinds.empty() ? kind != FactorKind::NeedReplication
                                 : llvm::is_contained(options.kinds, kind);
  }

  void collect(unsigned source, unsigned factor, SmallVectorImpl<Claim> &claims) const {
    const AxisList &axes = tensors[source].layout.axes[factor];
    if (propagates(rule.factors[factor].kind) && !axes.empty())
      claims.push_back({source, factor, axes});
  }

  SmallVector<Claim> collectClaims() const {
    SmallVector<Claim> claims;
    for (const FactorClaim &claim : options.order)
      collect(claim.tensor, claim.factor, claims);
    if (!options.order.empty())
      return claims;
    for (unsigned source = 0; source < tensors.size(); ++source)
      for (unsigned factor = 0; factor < rule.factors.size(); ++factor)
        collect(source, factor, claims);
    llvm::sort(claims, [&](const Claim &a, const Claim &b) { return comesFirst(a, b); });
    return claims;
  }

  bool comesFirst(const Claim &a, const Claim &b) const {
    const TensorFactors &left = tensors[a.source], &right = tensors[b.source];
    auto first = std::tuple(-left.priority, -left.bytes, a.factor);
    auto second = std::tuple(-right.priority, -right.bytes, b.factor);
    if (first != second)
      return first < second;
    if (a.axes != b.axes)
      return std::lexicographical_compare(a.axes.begin(), a.axes.end(), b.axes.begin(),
                                          b.axes.end());
    return a.source < b.source; // they say the same
  }

  void apply(const Claim &claim, unsigned target) {
    AxisList extension;
    unsigned differs =
        getExtension(tensors[target].layout.axes[claim.factor], claim.axes, extension);
    if (differs < claim.axes.size()) {
      result.conflicts.push_back(
          {claim.factor, claim.source, target, claim.axes[differs], claim.factor});
      return;
    }
    for (const AxisRef &axis : extension)
      if (!take(claim, target, axis))
        return;
  }

  /// A factor is split into parts that do not divide it only where the claim itself asks for that:
  /// axes of two claims that divide it one by one do not add up to padding.
  bool divides(const Claim &claim, int64_t parts) const {
    const Factor &factor = rule.factors[claim.factor];
    bool asked = factor.size % getSize(claim.axes) != 0;
    return factor.size % parts == 0 || (asked && !options.requireEven && !factor.exact);
  }

  /// Adds one axis to the target's list; if it cannot, says why and returns false.
  bool take(const Claim &claim, unsigned target, const AxisRef &axis) {
    TensorFactors &tensor = tensors[target];
    AxisList &own = tensor.layout.axes[claim.factor];
    if (!tensor.open[claim.factor])
      return false;
    if (!divides(claim, getSize(own) * axis.size))
      return false;
    auto overlaps = [&](const AxisRef &other) { return axis.overlaps(other); };
    for (unsigned holder = 0; holder < rule.factors.size(); ++holder) {
      if (llvm::none_of(tensor.layout.axes[holder], overlaps))
        continue;
      result.conflicts.push_back({claim.factor, claim.source, target, axis, holder});
      return false;
    }
    if (llvm::any_of(tensor.blocked, overlaps) || llvm::any_of(tensor.layout.misplaced, overlaps))
      return false;
    append(own, axis);
    result.changed = true;
    return true;
  }

  const ShardingRule &rule;
  MutableArrayRef<TensorFactors> tensors;
  const PropagationOptions &options;
  PropagationResult result;
};
} // namespace

PropagationResult tpc::propagateFactors(const ShardingRule &rule,
                                        MutableArrayRef<TensorFactors> tensors,
                                        const PropagationOptions &options) {
  return ClaimApplier(rule, tensors, options).run();
}

TensorFactors tpc::getTensorFactors(const ShardingRule &rule, const TensorMapping &mapping,
                                    const Layout &layout, const Mesh &mesh) {
  TensorFactors tensor;
  tensor.layout = projectLayout(rule, mapping, layout, mesh);
  tensor.present.assign(rule.factors.size(), false);
  tensor.open.assign(rule.factors.size(), false);
  for (unsigned dim = 0; dim < mapping.size(); ++dim)
    for (unsigned factor : mapping[dim]) {
      tensor.present[factor] = true;
      tensor.open[factor] = dim < layout.open.size() && layout.open[dim];
    }
  return tensor;
}
