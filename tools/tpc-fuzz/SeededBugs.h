//===- SeededBugs.h - are bugs that were put in on purpose found? ----------------------------===//

#ifndef TPC_FUZZ_SEEDEDBUGS_H
#define TPC_FUZZ_SEEDEDBUGS_H

#include "GraphGenerator.h"
#include "Mutations.h"

namespace tpc::fuzz {

/// Mutations called `name`, or all of them for "all".
std::vector<const Mutation *> findMutations(llvm::StringRef name);

/// Looks for mutations case by case. Each has a stream of random numbers of its own, so that it is
/// found at the same case alone and together with others.
class BugHunt {
public:
  explicit BugHunt(std::vector<const Mutation *> mutations);

  /// Puts every bug that is still unknown into the case; prints those that it shows.
  void visit(const FuzzCase &fuzzCase, const CaseOptions &options);
  bool isOver() const { return unknown.empty(); }
  /// Prints what was not found.
  void printUnknown() const;

private:
  struct Entry {
    const Mutation *mutation;
    uint64_t applied = 0; ///< cases it was put into
  };
  /// Advances to the end from each entry's stage on; true if something is wrong.
  bool shows(Oracle &oracle, mlir::ModuleOp module, Entry &entry, const CaseOptions &options);

  std::vector<Entry> unknown;
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_SEEDEDBUGS_H
