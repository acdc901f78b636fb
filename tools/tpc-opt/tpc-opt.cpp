//===- tpc-opt.cpp - runs any tpc pass on any .mlir file -----------------------===//

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "tpc/HideLibraryOptions.h"
#include "tpc/InitAllDialects.h"
#include "tpc/InitAllPasses.h"
#include "tpc/Instrumentation/PassStatistics.h"

/// Was MLIR's own flag given? MLIR has the passes' counters compiled out, we print ours.
static bool wantsStatistics() {
  auto option = llvm::cl::getRegisteredOptions().find("mlir-pass-statistics");
  return option != llvm::cl::getRegisteredOptions().end() && option->second->getNumOccurrences();
}

int main(int argc, char **argv) {
  tpc::hideLibraryOptions();
  mlir::DialectRegistry registry;
  tpc::registerAllDialects(registry);
  tpc::registerAllPasses();
  mlir::registerTransformsPasses();
  auto [input, output] =
      mlir::registerAndParseCLIOptions(argc, argv, "tpc optimizer driver\n", registry);
  bool printsStatistics = wantsStatistics(); // MlirOptMain shuts the command line down
  tpc::PassStatistics statistics;
  llvm::LogicalResult result = mlir::MlirOptMain(argc, argv, input, output, registry);
  if (printsStatistics)
    statistics.print(llvm::errs());
  return mlir::asMainReturnCode(result);
}
