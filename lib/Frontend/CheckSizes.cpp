//===- CheckSizes.cpp - no size of a program may overflow later -----------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "tpc/Dialect/CheckedBytes.h"
#include "tpc/Frontend/Import.h"

using namespace mlir;
using namespace tpc;

/// Thousands of times what any machine holds; the factors that later stages put to it (gradients,
/// optimizer state, padding) leave 63 bits free of overflow.
static constexpr int64_t kMostBytes = int64_t(1) << 56;

LogicalResult tpc::checkSizes(ModuleOp module) {
  CheckedSum sum(kMostBytes);
  auto fits = [&](Value value) {
    if (sum.add(value.getType()))
      return true;
    emitError(value.getLoc()) << "the values of the program have more than " << kMostBytes
                              << " bytes, too many for any machine, of which " << value.getType()
                              << " is one: choose smaller sizes";
    return false;
  };
  WalkResult result = module.walk([&](Operation *op) {
    bool fit = llvm::all_of(op->getResults(), fits);
    for (Region &region : op->getRegions())
      fit = fit && llvm::all_of(region.getArguments(), fits);
    return fit ? WalkResult::advance() : WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}
