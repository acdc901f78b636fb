//===- Explain.cpp - what a plan costs, alone or beside another ----------------===//

#include "Partition.h"
#include "tpc/Explain/Compare.h"
#include "tpc/Pipelines/WriteProgram.h"
#include "tpc/Target/AsideFile.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

FailureOr<MachineModel> tpc::loadMachine(const CompileOptions &options, MLIRContext *context) {
  llvm::Expected<MachineModel> machine = MachineModel::load(options.machine);
  auto fail = [&](llvm::Error error) {
    return emitError(NameLoc::get(StringAttr::get(context, "--machine")))
           << llvm::toString(std::move(error));
  };
  if (!machine)
    return fail(machine.takeError());
  if (llvm::Error error = machine->checkLinks(options.import.mesh))
    return fail(std::move(error));
  return std::move(*machine);
}

/// The timeline in `path`, if that is not empty.
static LogicalResult writeTrace(const Report &report, StringRef path, MLIRContext *context) {
  if (path.empty())
    return success();
  std::error_code error =
      writeFile(path, [&](raw_ostream &os) { printTrace(*report.timeline, os); });
  if (!error)
    return success();
  return emitError(NameLoc::get(StringAttr::get(context, "--trace")))
         << "cannot write '" << path << "': " << error.message();
}

LogicalResult tpc::explain(const CompileOptions &options, ExplainFormat format,
                           MLIRContext *context) {
  FailureOr<MachineModel> machine = loadMachine(options, context);
  if (failed(machine))
    return failure();
  Explanation explanation;
  {
    RemarkCollector collector(context, /*silent=*/false);
    CompileOptions recording = options;
    recording.recordReasons = true;
    FailureOr<Report> report =
        reportOn(recording, *machine, context, /*layers=*/0, /*predict=*/true);
    if (failed(report))
      return failure();
    explanation.report = std::move(*report);
    explanation.remarks = std::move(collector.remarks);
  }
  if (failed(writeTrace(explanation.report, options.trace, context)))
    return failure();
  CompileOptions strict = options;
  strict.strict = true;
  if (std::optional<Report> report = tryReportOn(strict, *machine, context))
    explanation.strict = report->getTotals();
  findRemedies(explanation, options, *machine, context);
  auto print = format == ExplainFormat::Json ? printJson : printText;
  return writeOutput(options.output, context, [&](raw_ostream &os) { print(explanation, os); });
}

LogicalResult tpc::comparePlans(const CompileOptions &options, const std::string &other,
                                ExplainFormat format, MLIRContext *context) {
  FailureOr<MachineModel> machine = loadMachine(options, context);
  if (failed(machine))
    return failure();
  CompileOptions second = options;
  second.plan = other;
  RemarkCollector collector(context, /*silent=*/false);
  FailureOr<Report> left = reportOn(options, *machine, context),
                    right = succeeded(left) ? reportOn(second, *machine, context)
                                            : FailureOr<Report>(failure());
  if (failed(left) || failed(right))
    return failure();
  auto print = format == ExplainFormat::Json ? printComparisonJson : printComparison;
  return writeOutput(options.output, context,
                     [&](raw_ostream &os) { print(*left, *right, {options.plan, other}, os); });
}
