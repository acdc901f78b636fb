//===- ShardingRule.cpp ---------------------------------------------------===//

#include "tpc/Sharding/ShardingRule.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace tpc;
using llvm::ArrayRef;
using llvm::raw_ostream;

namespace {
/// Prints one rule; factors without a name are called f0, f1, ... by their index.
class RulePrinter {
public:
  RulePrinter(const ShardingRule &rule, raw_ostream &os) : rule(rule), os(os) {}

  void print() {
    printTensors(rule.operands, /*alwaysParenthesize=*/true);
    os << " -> ";
    printTensors(rule.results, rule.results.size() != 1);
    printFactorsOf(" reduce ", FactorKind::Reduction, ReductionKind::Sum);
    printFactorsOf(" reduce max ", FactorKind::Reduction, ReductionKind::Max);
    printFactorsOf(" reduce min ", FactorKind::Reduction, ReductionKind::Min);
    printFactorsOf(" replicate ", FactorKind::NeedReplication, ReductionKind::Sum);
  }

private:
  void printFactor(unsigned factor) {
    if (rule.factors[factor].name.empty())
      os << "f" << factor;
    else
      os << rule.factors[factor].name;
  }

  void printDim(ArrayRef<unsigned> factors) {
    if (factors.empty())
      os << "1";
    else if (factors.size() == 1)
      printFactor(factors.front());
    else {
      os << "(";
      llvm::interleave(factors, os, [&](unsigned factor) { printFactor(factor); }, " ");
      os << ")";
    }
  }

  void printTensors(ArrayRef<TensorMapping> tensors, bool parenthesize) {
    os << (parenthesize ? "(" : "");
    llvm::interleaveComma(tensors, os, [&](const TensorMapping &mapping) {
      os << "[";
      llvm::interleaveComma(mapping, os, [&](ArrayRef<unsigned> dim) { printDim(dim); });
      os << "]";
    });
    os << (parenthesize ? ")" : "");
  }

  void printFactorsOf(const char *title, FactorKind kind, ReductionKind reduction) {
    llvm::SmallVector<unsigned> selected;
    for (unsigned i = 0; i < rule.factors.size(); ++i)
      if (rule.factors[i].kind == kind &&
          (kind != FactorKind::Reduction || rule.factors[i].reduction == reduction))
        selected.push_back(i);
    if (selected.empty())
      return;
    os << title << "{";
    llvm::interleaveComma(selected, os, [&](unsigned factor) { printFactor(factor); });
    os << "}";
  }

  const ShardingRule &rule;
  raw_ostream &os;
};
} // namespace

std::string ShardingRule::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  RulePrinter(*this, os).print();
  return text;
}
