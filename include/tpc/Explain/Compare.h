//===- Compare.h - two plans side by side --------------------------------------===//

#ifndef TPC_EXPLAIN_COMPARE_H
#define TPC_EXPLAIN_COMPARE_H

#include "tpc/Explain/Report.h"

namespace tpc {

/// Collectives and bytes of one module (layers folded) under either of two plans.
struct ModuleDifference {
  std::string module;
  std::array<int64_t, 2> collectives{}, bytes{};
};

/// The modules whose collectives or bytes differ, in the order of the first report.
std::vector<ModuleDifference> getDifferences(const Report &first, const Report &second);

/// Totals, modules that differ, parameter bytes; `names` are the plans'.
void printComparison(const Report &first, const Report &second,
                     const std::array<std::string, 2> &names, llvm::raw_ostream &os);
/// The same as one object: `plans`, a list of two with `name`, `collectives`, `bytes`, `seconds`,
/// `parameter_bytes`; `modules`, with `name` and two values each of `collectives` and `bytes`.
void printComparisonJson(const Report &first, const Report &second,
                         const std::array<std::string, 2> &names, llvm::raw_ostream &os);

} // namespace tpc

#endif // TPC_EXPLAIN_COMPARE_H
