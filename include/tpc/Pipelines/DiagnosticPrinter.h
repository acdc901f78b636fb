//===- DiagnosticPrinter.h - diagnostics as one line each ----------------------===//

#ifndef TPC_PIPELINES_DIAGNOSTICPRINTER_H
#define TPC_PIPELINES_DIAGNOSTICPRINTER_H

#include "mlir/IR/Diagnostics.h"

namespace tpc {

/// Prints "plan.yaml:14:5: error: ..." or "model.layers.0.mlp: error: ...", notes below, to
/// standard error.
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext *context);
};

/// "file:line:column", the name of a module, or "tpc" where nothing is known.
std::string toString(mlir::Location loc);

} // namespace tpc

#endif // TPC_PIPELINES_DIAGNOSTICPRINTER_H
