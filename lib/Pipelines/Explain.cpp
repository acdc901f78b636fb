//===- Explain.cpp - partitions a program to report on it ----------------------===//

#include "tpc/Explain/PrintReport.h"
#include "tpc/Pipelines/DiagnosticPrinter.h"
#include "tpc/Pipelines/Pipeline.h"

using namespace mlir;
using namespace tpc;

namespace {
/// Takes down remarks and warnings; leaves errors to the handler outside, or to nobody.
class RemarkCollector : public ScopedDiagnosticHandler {
public:
  RemarkCollector(MLIRContext *context, bool silent) : ScopedDiagnosticHandler(context) {
    setHandler([this, silent](Diagnostic &diagnostic) {
      bool error = diagnostic.getSeverity() == DiagnosticSeverity::Error;
      if (!error)
        remarks.push_back(
            {tpc::toString(diagnostic.getLocation()),
             diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning" : "remark",
             diagnostic.str()});
      return success(!error || silent);
    });
  }
  std::vector<Remark> remarks;
};
} // namespace

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

/// The report on the program that `options` make.
static FailureOr<Report> partition(const CompileOptions &options, const MachineModel &machine,
                                   MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  std::vector<ModuleReport> modules;
  auto prepare = [&](PassManager &manager) {
    manager.addInstrumentation(std::make_unique<ModuleCollector>(modules));
  };
  if (!module || failed(runPhases(*module, options, prepare)))
    return failure();
  FailureOr<Report> report = buildReport(*module, machine);
  if (succeeded(report))
    report->modules = std::move(modules);
  return report;
}

/// What the plan costs as it stands; nothing if it cannot be had so.
static std::optional<Totals> getStrictTotals(CompileOptions options, const MachineModel &machine,
                                             MLIRContext *context) {
  RemarkCollector silence(context, /*silent=*/true);
  options.strict = true;
  options.dumpStages.clear();
  FailureOr<Report> report = partition(options, machine, context);
  return succeeded(report) ? std::optional<Totals>(report->getTotals()) : std::nullopt;
}

LogicalResult tpc::explain(const CompileOptions &given, ExplainFormat format,
                           MLIRContext *context) {
  CompileOptions options = given;
  options.emit = Emit::Local;
  llvm::Expected<MachineModel> machine = MachineModel::load(options.machine);
  if (!machine)
    return emitError(NameLoc::get(StringAttr::get(context, "--machine")))
           << llvm::toString(machine.takeError());
  Explanation explanation;
  {
    RemarkCollector collector(context, /*silent=*/false);
    FailureOr<Report> report = partition(options, *machine, context);
    if (failed(report))
      return failure();
    explanation.report = std::move(*report);
    explanation.remarks = std::move(collector.remarks);
  }
  explanation.strict = getStrictTotals(options, *machine, context);
  auto print = format == ExplainFormat::Json ? printJson : printText;
  print(explanation, llvm::outs());
  return success();
}
