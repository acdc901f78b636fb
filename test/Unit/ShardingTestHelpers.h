//===- ShardingTestHelpers.h - short spellings of meshes, layouts and rules ---===//

#ifndef TPC_TEST_UNIT_SHARDINGTESTHELPERS_H
#define TPC_TEST_UNIT_SHARDINGTESTHELPERS_H

#include "tpc/Sharding/ShardingRule.h"
#include "llvm/ADT/StringRef.h"
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
