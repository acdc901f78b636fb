//===- tpc-lsp-server.cpp - completion and diagnostics for .mlir in an editor --===//

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "tpc/HideLibraryOptions.h"
#include "tpc/InitAllDialects.h"

int main(int argc, char **argv) {
  tpc::hideLibraryOptions();
  mlir::DialectRegistry registry;
  tpc::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
