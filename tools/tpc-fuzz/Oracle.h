//===- Oracle.h - compiles a case and compares what it computes -----------------------===//
//
// The global program, run once, is what a case means. Its partitioned form, run on all ranks of the
// mesh, must compute the same: the same bits where sums are exact, else up to 1e-12 of the largest
// intermediate value in float64.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FUZZ_ORACLE_H
#define TPC_FUZZ_ORACLE_H

#include "FuzzCase.h"
#include "tpc/Interpreter/RunModule.h"
#include <optional>

namespace tpc::fuzz {

struct Mutation;

/// The stages of a case, in order; a program is in the state that the last one left.
enum class Stage { Global, Propagated, Resharded, Expanded, Local, Optimized, Scheduled };
constexpr Stage kStages[] = {Stage::Propagated, Stage::Resharded, Stage::Expanded,
                             Stage::Local,      Stage::Optimized, Stage::Scheduled};

llvm::StringRef getName(Stage stage);

/// What is wrong with a case.
struct Failure {
  Stage stage;         ///< after which it shows
  bool wrongValues;    ///< else: a pass or the interpreter reports an error
  std::string message; ///< the first error, or what differs
};

class Oracle {
public:
  /// With `bug`, as if the compiler had it: check() puts it into the program.
  explicit Oracle(const FuzzCase &fuzzCase, const Mutation *bug = nullptr)
      : fuzzCase(fuzzCase), bug(bug) {}

  /// Runs the global program; a failure is a bug of the generator or of the interpreter.
  std::optional<Failure> setReference();
  /// Brings `module` from one stage to the next.
  std::optional<Failure> advance(mlir::ModuleOp module, Stage to);
  /// Compares a program at `stage` with the reference.
  std::optional<Failure> compare(mlir::ModuleOp module, Stage stage);
  /// All of the above.
  std::optional<Failure> check();

private:
  mlir::FailureOr<Outcome> run(mlir::ModuleOp module);

  const FuzzCase &fuzzCase;
  const Mutation *bug;
  Outcome reference;
  double largest = 0; ///< magnitude of any value of the global program
};

/// The passes of `stage` with this case's options, as tpc-opt takes them.
std::string getPipeline(const FuzzCase &fuzzCase, Stage stage);

} // namespace tpc::fuzz

#endif // TPC_FUZZ_ORACLE_H
