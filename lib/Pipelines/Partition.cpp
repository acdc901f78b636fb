//===- Partition.cpp -----------------------------------------------------------===//

#include "Partition.h"
#include "tpc/Pipelines/DiagnosticPrinter.h"
#include "tpc/Pipelines/Pipeline.h"

using namespace mlir;
using namespace tpc;

RemarkCollector::RemarkCollector(MLIRContext *context, bool silent)
    : ScopedDiagnosticHandler(context) {
  setHandler([this, silent](Diagnostic &diagnostic) {
    DiagnosticSeverity severity = diagnostic.getSeverity();
    if (severity != DiagnosticSeverity::Error)
      remarks.push_back({toString(diagnostic.getLocation()),
                         severity == DiagnosticSeverity::Warning ? "warning" : "remark",
                         diagnostic.str()});
    return success(severity != DiagnosticSeverity::Error || silent);
  });
}

namespace {
/// Looks at modules while layouts are final and still there.
struct ModuleCollector : PassInstrumentation {
  explicit ModuleCollector(std::vector<ModuleReport> &modules) : modules(modules) {}
  void runAfterPass(Pass *pass, Operation *op) override {
    if (pass->getArgument() == "tpc-insert-reshards")
      modules = collectModules(cast<ModuleOp>(op));
  }
  std::vector<ModuleReport> &modules;
};
} // namespace

FailureOr<Report> tpc::reportOn(const CompileOptions &given, const MachineModel &machine,
                                MLIRContext *context, int64_t layers, bool predict) {
  CompileOptions options = given;
  options.emit = Emit::Local;
  options.verify = false;
  OwningOpRef<ModuleOp> module = loadProgram(options, context, layers);
  std::vector<ModuleReport> modules;
  auto prepare = [&](PassManager &manager) {
    manager.addInstrumentation(std::make_unique<ModuleCollector>(modules));
    manager.enableVerifier(layers == 0); // trials are many, of what the whole has shown
  };
  if (!module || failed(runPhases(*module, options, prepare)))
    return failure();
  FailureOr<Report> report = buildReport(*module, machine);
  if (failed(report))
    return failure();
  report->modules = std::move(modules);
  if (!predict)
    return report;
  options.emit = Emit::Kernels;
  if (failed(runPhases(*module, options, nullptr, /*reached=*/Emit::Local)))
    return failure();
  FailureOr<Timeline> timeline = predictStep(findProgram(*module), machine);
  if (failed(timeline))
    return failure();
  report->timeline = std::move(*timeline);
  return report;
}

std::optional<Report> tpc::tryReportOn(const CompileOptions &given, const MachineModel &machine,
                                       MLIRContext *context, int64_t layers) {
  RemarkCollector silence(context, /*silent=*/true);
  CompileOptions options = given;
  options.dumpStages.clear();
  FailureOr<Report> report = reportOn(options, machine, context, layers);
  return succeeded(report) ? std::optional<Report>(std::move(*report)) : std::nullopt;
}
