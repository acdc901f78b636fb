//===- VerifyStages.cpp --------------------------------------------------------===//

#include "tpc/Pipelines/VerifyStages.h"

using namespace mlir;
using namespace tpc;

/// Only the order of sums differs between stages; AdamW magnifies rounding where a gradient is
/// nearly zero.
static constexpr double kTolerance = 1e-7;

/// Not multiples of 1/4: a variance that is exactly zero leaves AdamW nothing to divide by.
static RunOptions getRunOptions() {
  RunOptions options;
  options.inputs.kind = InputKind::Random;
  return options;
}

LogicalResult StageVerifier::setReference(ModuleOp module) {
  FailureOr<std::vector<Outcome>> outcomes = runModule(module, getRunOptions());
  if (failed(outcomes))
    return failure();
  reference = std::move(*outcomes);
  return success();
}

LogicalResult StageVerifier::verify(ModuleOp module, StringRef phase) {
  FailureOr<std::vector<Outcome>> outcomes = runModule(module, getRunOptions());
  if (failed(outcomes))
    return failure();
  for (const Outcome &expected : reference) {
    auto same = [&](const Outcome &outcome) { return outcome.function == expected.function; };
    auto found = llvm::find_if(*outcomes, same);
    Operation *function = module.lookupSymbol(expected.function);
    if (found == outcomes->end() || !function)
      return module.emitError("function @") << expected.function << " is gone after " << phase;
    if (std::optional<std::string> difference = findDifference(*found, expected, kTolerance))
      return emitError(function->getLoc())
             << "@" << expected.function << " computes something else after " << phase << ": "
             << *difference;
  }
  return success();
}
