//===- VerifyStages.h - does a phase keep what the program computes? -----------===//

#ifndef TPC_PIPELINES_VERIFYSTAGES_H
#define TPC_PIPELINES_VERIFYSTAGES_H

#include "tpc/Interpreter/RunModule.h"

namespace tpc {

/// Runs programs in the reference interpreter (float64, plain loops, all ranks) on generated inputs
/// and compares them with the first. Meant for small models: a step of the interpreter takes
/// seconds for a million parameters.
class StageVerifier {
public:
  /// Takes what `module` computes now as the reference.
  mlir::LogicalResult setReference(mlir::ModuleOp module);
  /// Fails, with an error at the function, if a function of the reference now computes something
  /// else.
  mlir::LogicalResult verify(mlir::ModuleOp module, llvm::StringRef phase);

  bool hasReference() const { return !reference.empty(); }

private:
  std::vector<Outcome> reference;
};

} // namespace tpc

#endif // TPC_PIPELINES_VERIFYSTAGES_H
