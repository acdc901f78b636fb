//===- GradientCheck.h - gradients against differences -------------------------===//

#ifndef TPC_TOOLS_TPC_INTERPRET_GRADIENTCHECK_H
#define TPC_TOOLS_TPC_INTERPRET_GRADIENTCHECK_H

#include "tpc/Interpreter/Inputs.h"

namespace tpc {

/// For each gradient g that @step returns, compares <g, v> with (loss(w + h v) - loss(w - h v)) /
/// 2h of @loss in float64, v a random direction. Both functions are global programs. Prints a line
/// per parameter; fails with an error if one differs by more than `tolerance` (relative to the
/// larger of the two, or to 1e-3 if both are less).
llvm::LogicalResult checkGradients(mlir::ModuleOp module, const InputOptions &inputs,
                                   double tolerance);

} // namespace tpc

#endif // TPC_TOOLS_TPC_INTERPRET_GRADIENTCHECK_H
