//===- SplitCandidates.cpp ------------------------------------------------===//

#include "tpc/Partition/SplitCandidates.h"
#include "llvm/ADT/STLExtras.h"
#include <set>

using namespace tpc;
using llvm::ArrayRef;

void SplitCandidates::addLayout(const TensorMapping &mapping, const Layout &layout) {
  FactorLayout factors = projectLayout(rule, mapping, layout, mesh);
  for (unsigned factor = 0; factor < factors.axes.size(); ++factor)
    if (rule.factors[factor].kind != FactorKind::NeedReplication)
      for (const AxisRef &axis : factors.axes[factor])
        roles.push_back({false, factor, axis});
  seen.push_back(std::move(factors));
}

void SplitCandidates::addPassing(unsigned set, const AxisRef &axis) {
  roles.push_back({true, set, axis});
}

/// Does each cut of an axis divide the next?
static bool nest(const std::set<int64_t> &cuts) {
  for (auto it = cuts.begin(); it != cuts.end() && std::next(it) != cuts.end(); ++it)
    if (*std::next(it) % *it != 0)
      return false;
  return true;
}

/// The finest parts of axes that roles speak of; the roles' own axes where their cuts do not nest.
AxisList SplitCandidates::getParts() const {
  std::vector<std::set<int64_t>> cuts(mesh.axes.size());
  for (const Role &role : roles)
    cuts[role.axis.axis].insert({role.axis.pre, role.axis.pre * role.axis.size});
  AxisList parts;
  for (unsigned axis = 0; axis < cuts.size(); ++axis)
    for (auto it = cuts[axis].begin();
         nest(cuts[axis]) && it != cuts[axis].end() && std::next(it) != cuts[axis].end(); ++it)
      parts.push_back({axis, *it, *std::next(it) / *it});
  for (const Role &role : roles)
    if (!nest(cuts[role.axis.axis]) && !llvm::is_contained(parts, role.axis))
      parts.push_back(role.axis);
  return parts;
}

/// Is some of `part` in use already?
static bool uses(const OpSplit &split, const AxisRef &part) {
  auto overlaps = [&](const AxisRef &axis) { return axis.overlaps(part); };
  return llvm::any_of(split.factors, [&](auto &axes) { return llvm::any_of(axes, overlaps); }) ||
         llvm::any_of(split.passing, [&](auto &axes) { return llvm::any_of(axes, overlaps); });
}

std::vector<OpSplit> SplitCandidates::enumerate() const {
  OpSplit nothing;
  nothing.factors.resize(rule.factors.size());
  nothing.passing.resize(rule.linearSets.size());
  std::vector<OpSplit> result;
  extend(getParts(), nothing, result);
  return result;
}

void SplitCandidates::extend(ArrayRef<AxisRef> parts, const OpSplit &split,
                             std::vector<OpSplit> &result) const {
  if (parts.empty())
    return finish(split, result);
  const AxisRef &part = parts.front();
  std::set<std::pair<bool, unsigned>> tried;
  for (const Role &role : roles) {
    if (!role.axis.contains(part) || uses(split, part) ||
        !tried.insert({role.passes, role.index}).second)
      continue;
    OpSplit next = split;
    (role.passes ? next.passing[role.index] : next.factors[role.index]).push_back(part);
    extend(parts.drop_front(), next, result);
  }
  extend(parts.drop_front(), split, result);
}

/// Several axes of one factor take the order of a layout that has them all, else that of the mesh.
void SplitCandidates::order(unsigned factor, AxisList &axes) const {
  for (const FactorLayout &layout : seen) {
    AxisList ordered;
    for (const AxisRef &axis : layout.axes[factor])
      for (const AxisRef &part : axes)
        if (axis.contains(part))
          ordered.push_back(part);
    if (ordered.size() == axes.size()) {
      axes = ordered;
      return;
    }
  }
}

void SplitCandidates::finish(OpSplit split, std::vector<OpSplit> &result) const {
  for (unsigned factor = 0; factor < split.factors.size(); ++factor) {
    AxisList &axes = split.factors[factor];
    if (rule.factors[factor].size % getSize(axes) != 0)
      return;
    order(factor, axes);
    axes = getCanonical(axes, mesh);
  }
  result.push_back(std::move(split));
}
