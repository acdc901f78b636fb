//===- SplitCandidates.h - the ways to split one op ----------------------------===//
//
// Which mesh axes (or parts of axes) could split which factor is read off the layouts at hand. An
// axis may split one of these factors, pass through a linear set as Partial, or do nothing; every
// combination is a candidate.
//
//   contract [b, s, k], [n, k] -> [b, s, n]; operand 0 has s on tp, operand 1 has n on tp
//   candidates: tp splits s, tp splits n, tp splits nothing
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PARTITION_SPLITCANDIDATES_H
#define TPC_PARTITION_SPLITCANDIDATES_H

#include "tpc/Partition/RuleFit.h"

namespace tpc {

class SplitCandidates {
public:
  SplitCandidates(const ShardingRule &rule, const Mesh &mesh) : rule(rule), mesh(mesh) {}

  /// A tensor mapped by `mapping` lies, or is wanted, as `layout`.
  void addLayout(const TensorMapping &mapping, const Layout &layout);
  /// All operands of linear set `set` can be had Partial over `axis`.
  void addPassing(unsigned set, const AxisRef &axis);

  /// Every candidate whose factors are split evenly; deterministic, the first to be added first.
  std::vector<OpSplit> enumerate() const;

private:
  /// What one part of an axis may do: split factor `index`, or pass through set `index`.
  struct Role {
    bool passes;
    unsigned index;
    AxisRef axis;
  };

  AxisList getParts() const;
  void extend(llvm::ArrayRef<AxisRef> parts, const OpSplit &split,
              std::vector<OpSplit> &result) const;
  void finish(OpSplit split, std::vector<OpSplit> &result) const;
  void order(unsigned factor, AxisList &axes) const;

  const ShardingRule &rule;
  const Mesh &mesh;
  std::vector<Role> roles;
  std::vector<FactorLayout> seen;
};

} // namespace tpc

#endif // TPC_PARTITION_SPLITCANDIDATES_H
