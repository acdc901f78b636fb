//===- tpc-opt.cpp - runs any tpc pass on any .mlir file -----------------------===//

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "tpc/HideLibraryOptions.h"
#include "tpc/InitAllDialects.h"
#include "tpc/InitAllPasses.h"

int main(int argc, char **argv) {
  tpc::hideLibraryOptions();
  mlir::DialectRegistry registry;
  tpc::registerAllDialects(registry);
  tpc::registerAllPasses();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "tpc optimizer driver\n", registry));
}
