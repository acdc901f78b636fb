//===- tpc-reduce.cpp - shrinks a .mlir that a script calls interesting --------===//

#include "mlir/Reducer/Passes.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "mlir/Transforms/Passes.h"
#include "tpc/InitAllDialects.h"
#include "tpc/InitAllPasses.h"

int main(int argc, char **argv) {
  tpc::registerAllPasses();
  mlir::registerTransformsPasses();
  mlir::DialectRegistry registry;
  tpc::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}
