//===- RuleFit.cpp --------------------------------------------------------===//

#include "tpc/Partition/RuleFit.h"
#include "tpc/Sharding/ReshardPlanner.h"
#include "llvm/ADT/STLExtras.h"

using namespace tpc;
using llvm::ArrayRef;

static bool isSummed(const ShardingRule &rule, unsigned factor, unsigned result) {
  FactorKind kind = rule.factors[factor].kind;
  if (kind == FactorKind::Internal || kind == FactorKind::NeedReplication ||
      hasFactor(rule.results[result], factor))
    return false;
  return llvm::any_of(rule.operands,
                      [&](const TensorMapping &mapping) { return hasFactor(mapping, factor); });
}

AxisList tpc::getSummedAxes(const ShardingRule &rule, const OpSplit &split, unsigned result) {
  AxisList axes;
  for (unsigned factor = 0; factor < rule.factors.size(); ++factor)
    if (isSummed(rule, factor, result))
      axes.append(split.factors[factor]);
  return axes;
}

static std::optional<Layout> getDimensionLayout(const ShardingRule &rule,
                                                const TensorMapping &mapping, const OpSplit &split,
                                                const Mesh &mesh) {
  DimensionLayout dims = unprojectLayout(rule, mapping, split.factors, mesh);
  if (!dims.misplaced.empty())
    return std::nullopt;
  return dims.layout;
}

std::optional<Layout> tpc::getOperandLayout(const ShardingRule &rule, const OpSplit &split,
                                            unsigned operand, const Mesh &mesh) {
  std::optional<Layout> layout = getDimensionLayout(rule, rule.operands[operand], split, mesh);
  for (unsigned set = 0; layout && set < split.passing.size(); ++set)
    if (llvm::is_contained(rule.linearSets[set], operand))
      layout->partial.append(split.passing[set]);
  return layout ? std::optional(getNormalized(*layout, mesh)) : std::nullopt;
}

std::optional<Layout> tpc::getResultLayout(const ShardingRule &rule, const OpSplit &split,
                                           unsigned result, const Mesh &mesh) {
  std::optional<Layout> layout = getDimensionLayout(rule, rule.results[result], split, mesh);
  if (!layout)
    return std::nullopt;
  layout->partial = getSummedAxes(rule, split, result);
  for (unsigned factor = 0; factor < rule.factors.size(); ++factor)
    if (!split.factors[factor].empty() && isSummed(rule, factor, result) &&
        rule.factors[factor].kind == FactorKind::Reduction)
      layout->partialKind = rule.factors[factor].reduction;
  for (const AxisList &axes : split.passing)
    layout->partial.append(axes);
  return getNormalized(*layout, mesh);
}

//===----------------------------------------------------------------------===//
// Finding the split of given layouts
//===----------------------------------------------------------------------===//

namespace {
/// Collects what the tensors of an op say, then checks that each of them agrees.
class SplitFinder {
public:
  SplitFinder(const ShardingRule &rule, const std::vector<Layout> &operands,
              const std::vector<Layout> &results, const Mesh &mesh, std::string &why)
      : rule(rule), operands(operands), results(results), mesh(mesh), why(why) {
    split.factors.resize(rule.factors.size());
    split.passing.resize(rule.linearSets.size());
  }

  std::optional<OpSplit> run() {
    for (unsigned i = 0; i < operands.size(); ++i)
      if (!takeFactors("operand", i, rule.operands[i], operands[i]))
        return std::nullopt;
    for (unsigned i = 0; i < results.size(); ++i)
      if (!takeFactors("result", i, rule.results[i], results[i]))
        return std::nullopt;
    if (!checkWholeFactors())
      return std::nullopt;
    takePassing();
    return checkDistinct() && checkAll() ? std::optional(split) : std::nullopt;
  }

private:
  bool takeFactors(const char *what, unsigned number, const TensorMapping &mapping,
                   const Layout &layout) {
    FactorLayout factors = projectLayout(rule, mapping, layout, mesh);
    if (!factors.misplaced.empty()) {
      why = std::string(what) + " " + std::to_string(number) + " is " +
            toDTensorString(layout, mesh) + ", which splits inside a factor of the rule " +
            rule.str();
      return false;
    }
    for (unsigned factor = 0; factor < factors.axes.size(); ++factor)
      if (getSize(factors.axes[factor]) > getSize(split.factors[factor]))
        split.factors[factor] = factors.axes[factor];
    return true;
  }

  bool checkWholeFactors() {
    for (unsigned factor = 0; factor < rule.factors.size(); ++factor) {
      if (rule.factors[factor].kind != FactorKind::NeedReplication || split.factors[factor].empty())
        continue;
      why = "factor '" + rule.factors[factor].name + "' of " + rule.str() +
            " must be whole, got it split over '" +
            mesh.axes[split.factors[factor].front().axis].name + "'";
      return false;
    }
    return true;
  }

  /// Axes over which all operands of a set are Partial pass through it.
  void takePassing() {
    for (unsigned set = 0; set < rule.linearSets.size(); ++set) {
      ArrayRef<unsigned> members = rule.linearSets[set];
      const Layout &first = operands[members.front()];
      if (first.partialKind != ReductionKind::Sum)
        continue;
      for (const AxisRef &axis : first.partial)
        if (llvm::all_of(members,
                         [&](unsigned i) { return llvm::is_contained(operands[i].partial, axis); }))
          split.passing[set].push_back(axis);
    }
  }

  /// An axis splits one factor or passes one set: the product of two sums is no sum of products.
  bool checkDistinct() {
    AxisList used;
    for (const llvm::SmallVectorImpl<AxisList> *lists :
         {static_cast<llvm::SmallVectorImpl<AxisList> *>(&split.factors),
          static_cast<llvm::SmallVectorImpl<AxisList> *>(&split.passing)})
      for (const AxisList &axes : *lists)
        for (const AxisRef &axis : axes) {
          if (llvm::any_of(used, [&](const AxisRef &other) { return other.overlaps(axis); })) {
            why = "mesh axis '" + mesh.axes[axis.axis].name +
                  "' is used in two ways by operands of the rule " + rule.str();
            return false;
          }
          used.push_back(axis);
        }
    return true;
  }

  bool check(const char *what, unsigned number, const std::optional<Layout> &wanted,
             const Layout &got) {
    if (wanted && *wanted == got)
      return true;
    why = std::string(what) + " " + std::to_string(number) + " must be " +
          (wanted ? toDTensorString(*wanted, mesh) : "split otherwise") + " to fit the rule " +
          rule.str() + ", got " + toDTensorString(got, mesh);
    return false;
  }

  bool checkAll() {
    for (unsigned i = 0; i < operands.size(); ++i)
      if (!check("operand", i, getOperandLayout(rule, split, i, mesh), operands[i]))
        return false;
    for (unsigned i = 0; i < results.size(); ++i)
      if (!check("result", i, getResultLayout(rule, split, i, mesh), results[i]))
        return false;
    return true;
  }

  const ShardingRule &rule;
  const std::vector<Layout> &operands, &results;
  const Mesh &mesh;
  std::string &why;
  OpSplit split;
};
} // namespace

std::optional<OpSplit> tpc::findSplit(const ShardingRule &rule, const std::vector<Layout> &operands,
                                      const std::vector<Layout> &results, const Mesh &mesh,
                                      std::string &why) {
  return SplitFinder(rule, operands, results, mesh, why).run();
}
