//===- Explain.cpp - what a plan costs, alone or beside another ----------------===//

#include "Partition.h"
#include "tpc/Explain/Compare.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

FailureOr<MachineModel> tpc::loadMachine(const CompileOptions &options, MLIRContext *context) {
  llvm::Expected<MachineModel> machine = MachineModel::load(options.machine);
  if (machine)
    return std::move(*machine);
  return emitError(NameLoc::get(StringAttr::get(context, "--machine")))
         << llvm::toString(machine.takeError());
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
    FailureOr<Report> report = reportOn(recording, *machine, context);
    if (failed(report))
      return failure();
    explanation.report = std::move(*report);
    explanation.remarks = std::move(collector.remarks);
  }
  CompileOptions strict = options;
  strict.strict = true;
  if (std::optional<Report> report = tryReportOn(strict, *machine, context))
    explanation.strict = report->getTotals();
  findRemedies(explanation.report, options, *machine, context);
  auto print = format == ExplainFormat::Json ? printJson : printText;
  print(explanation, llvm::outs());
  return success();
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
  print(*left, *right, {options.plan, other}, llvm::outs());
  return success();
}
