//===- ShardingTestHelpers.h - short spellings of meshes, layouts and rules ---===//

#ifndef TPC_TEST_UNIT_SHARDINGTESTHELPERS_H
#define TPC_TEST_UNIT_SHARDINGTESTHELPERS_H

#include "tpc/Sharding/MachineModel.h"
#include "tpc/Sharding/ShardingRule.h"
#include "llvm/ADT/StringRef.h"
#include <algorithm>
#include <vector>

namespace tpc::test {

inline Mesh makeMesh(std::vector<MeshAxis> axes) {
  Mesh mesh;
  mesh.axes.assign(axes.begin(), axes.end());
  return mesh;
}

/// A layout of whole axes: dimensions by axis number, then the partial axes.
inline Layout makeLayout(const Mesh &mesh, std::vector<std::vector<unsigned>> dims,
                         std::vector<unsigned> partial = {}) {
  Layout layout = Layout::replicated(dims.size());
  for (unsigned dim = 0; dim < dims.size(); ++dim)
    for (unsigned axis : dims[dim])
      layout.dims[dim].push_back(AxisRef::whole(mesh, axis));
  for (unsigned axis : partial)
    layout.partial.push_back(AxisRef::whole(mesh, axis));
  return layout;
}

/// A machine with one kind of link: seconds per collective, bytes per second.
inline MachineModel makeMachine(double latency, double bandwidth) {
  MachineModel machine;
  LinkModel &link = machine.links.emplace_back();
  link.name = "link";
  link.latency = latency;
  link.bandwidth = bandwidth;
  machine.defaultLink = "link";
  return machine;
}

/// Every layout of whole axes of a tensor of `rank` dimensions; with sums if asked.
inline std::vector<Layout> getWholeAxisLayouts(const Mesh &mesh, unsigned rank, bool partial) {
  std::vector<Layout> layouts = {Layout::replicated(rank)};
  for (size_t i = 0; i < layouts.size(); ++i) { // grows while it is walked
    Layout layout = layouts[i];
    for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
      AxisRef ref = AxisRef::whole(mesh, axis);
      AxisList used = layout.getUsedAxes();
      if (std::count(used.begin(), used.end(), ref))
        continue;
      for (unsigned place = 0; place < rank + partial; ++place) {
        Layout next = layout;
        (place < rank ? next.dims[place] : next.partial).push_back(ref);
        std::sort(next.partial.begin(), next.partial.end());
        if (std::count(layouts.begin(), layouts.end(), next) == 0)
          layouts.push_back(next);
      }
    }
  }
  return layouts;
}

/// A rule from one-letter factors: tensors "bsk", "nk" -> "bsn"; "(hg)d" writes a dimension of two
/// factors. Factors are numbered as `factors` lists them; those in `reduced` are reduction factors.
inline ShardingRule makeRule(std::vector<std::pair<char, int64_t>> factors,
                             std::vector<std::string> operands, std::vector<std::string> results,
                             std::string reduced = "") {
  ShardingRule rule;
  std::string names;
  for (auto [name, size] : factors) {
    names += name;
    bool isReduced = reduced.find(name) != std::string::npos;
    rule.factors.push_back({size, isReduced ? FactorKind::Reduction : FactorKind::PassThrough,
                            ReductionKind::Sum, std::string(1, name)});
  }
  auto parse = [&](const std::string &text) {
    TensorMapping mapping;
    bool inside = false;
    for (char c : text) {
      if (c == '(' || c == ')') {
        inside = c == '(';
        if (inside)
          mapping.emplace_back();
        continue;
      }
      if (!inside)
        mapping.emplace_back();
      mapping.back().push_back(names.find(c));
    }
    return mapping;
  };
  for (const std::string &text : operands)
    rule.operands.push_back(parse(text));
  for (const std::string &text : results)
    rule.results.push_back(parse(text));
  return rule;
}

} // namespace tpc::test

#endif // TPC_TEST_UNIT_SHARDINGTESTHELPERS_H
