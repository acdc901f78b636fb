//===- RunModule.h - all functions of a module on generated inputs --------------===//

#ifndef TPC_INTERPRETER_RUNMODULE_H
#define TPC_INTERPRETER_RUNMODULE_H

#include "tpc/Interpreter/Inputs.h"

namespace tpc {

struct RunOptions {
  InputOptions inputs;
  Precision precision = Precision::Float64;
  int64_t ranks = 0;    ///< expected number of ranks of local programs; 0: the mesh's
  std::string function; ///< only this one; empty: all public ones
};

/// A function's results as global tensors.
struct Outcome {
  std::string function;
  std::vector<Tensor> results;
};

/// Runs a global module once, a local one on all ranks of its mesh. Replicas that disagree are an
/// error at the function.
mlir::FailureOr<std::vector<Outcome>> runModule(mlir::ModuleOp module, const RunOptions &options);

/// Largest difference relative to the largest magnitude; infinite for different shapes or a NaN on
/// one side.
double getDifference(const Tensor &ours, const Tensor &theirs);

/// What one function computes otherwise than its reference, or nothing: "result 3 differs by 1e-3
/// of ...".
std::optional<std::string> findDifference(const Outcome &ours, const Outcome &reference,
                                          double tolerance);

} // namespace tpc

#endif // TPC_INTERPRETER_RUNMODULE_H
