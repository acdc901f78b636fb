//===- Coverage.h - which ops do cases consist of? --------------------------------------===//

#ifndef TPC_FUZZ_COVERAGE_H
#define TPC_FUZZ_COVERAGE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace tpc::fuzz {

/// Counts ops over cases, and compares with the registered ops that have a sharding rule: an op
/// that joins them and that no maker draws is missing here.
class Coverage {
public:
  void add(mlir::ModuleOp module);
  /// Prints a line per op with a rule; false if one never occurred that could have.
  bool print(mlir::MLIRContext &context) const;

private:
  llvm::StringMap<uint64_t> counts;
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_COVERAGE_H
