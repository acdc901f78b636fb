//===- SeededBugs.cpp ---------------------------------------------------------------------===//

#include "SeededBugs.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

std::vector<const Mutation *> tpc::fuzz::findMutations(StringRef name) {
  std::vector<const Mutation *> found;
  for (ArrayRef<Mutation> group : {getCollectiveMutations(), getValueMutations()})
    for (const Mutation &mutation : group)
      if (name == "all" || name == mutation.name)
        found.push_back(&mutation);
  return found;
}

BugHunt::BugHunt(std::vector<const Mutation *> mutations) {
  for (const Mutation *mutation : mutations)
    unknown.push_back({mutation});
}

/// Each mutation's own random numbers, the same on every machine.
static uint64_t getStream(StringRef name) {
  uint64_t stream = 0;
  for (char letter : name)
    stream = stream * 31 + static_cast<unsigned char>(letter);
  return stream;
}

static void report(const Mutation &mutation, uint64_t cases, uint64_t applied,
                   const Failure &failure) {
  llvm::outs() << llvm::format("%-28s", mutation.name.str().c_str()) << "found by case " << cases
               << ", the " << applied
               << ". it was put into: " << (failure.wrongValues ? "other values" : "refused")
               << " at stage " << getName(failure.stage) << "\n";
}

bool BugHunt::shows(Oracle &oracle, ModuleOp module, Entry &entry, const CaseOptions &options) {
  Random random(options.seed + getStream(entry.mutation->name), options.index);
  OwningOpRef<ModuleOp> mutated = module.clone();
  if (!entry.mutation->apply(*mutated, random))
    return false;
  ++entry.applied;
  if (failed(mlir::verify(*mutated)))
    llvm::report_fatal_error("the mutation " + entry.mutation->name + " makes invalid programs");
  std::optional<Failure> failure;
  for (Stage stage : kStages)
    if (stage > entry.mutation->after && !failure)
      failure = oracle.advance(*mutated, stage);
  if (!failure)
    failure = oracle.compare(*mutated, kStages[std::size(kStages) - 1]);
  if (failure)
    report(*entry.mutation, options.index, entry.applied, *failure);
  return failure.has_value();
}

void BugHunt::visit(const FuzzCase &fuzzCase, const CaseOptions &options) {
  Oracle oracle(fuzzCase);
  if (oracle.setReference())
    return;
  OwningOpRef<ModuleOp> module = fuzzCase.getModule().clone();
  for (Stage stage : kStages) {
    if (oracle.advance(*module, stage))
      return;
    llvm::erase_if(unknown, [&](Entry &entry) {
      return entry.mutation->after == stage && shows(oracle, *module, entry, options);
    });
  }
}

void BugHunt::printUnknown() const {
  for (const Entry &entry : unknown)
    llvm::outs() << llvm::format("%-28s", entry.mutation->name.str().c_str())
                 << "NOT FOUND, put into " << entry.applied << " cases\n";
}
