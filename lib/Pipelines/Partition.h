//===- Partition.h - partitions a program to look at it ------------------------===//

#ifndef TPC_LIB_PIPELINES_PARTITION_H
#define TPC_LIB_PIPELINES_PARTITION_H

#include "mlir/IR/Diagnostics.h"
#include "tpc/Explain/PrintReport.h"
#include "tpc/Pipelines/Compile.h"

namespace tpc {

/// Takes down remarks and warnings. Errors go on to the handler outside, or nowhere.
class RemarkCollector : public mlir::ScopedDiagnosticHandler {
public:
  RemarkCollector(mlir::MLIRContext *context, bool silent);
  std::vector<Remark> remarks;
};

/// The report on the program that `options` make of the model, or of one like it with `layers`
/// layers (0: as it is); with `predict` it has the timeline of the program's schedule.
mlir::FailureOr<Report> reportOn(const CompileOptions &options, const MachineModel &machine,
                                 mlir::MLIRContext *context, int64_t layers = 0,
                                 bool predict = false);

/// The same without a word on what fails.
std::optional<Report> tryReportOn(const CompileOptions &options, const MachineModel &machine,
                                  mlir::MLIRContext *context, int64_t layers = 0);

/// For every collective of the report the change of the plan's that removes it, found by trying, on
/// a model with few layers, each rule without each of its parts. A remark tells what was not tried.
void findRemedies(Explanation &explanation, const CompileOptions &options,
                  const MachineModel &machine, mlir::MLIRContext *context);

} // namespace tpc

#endif // TPC_LIB_PIPELINES_PARTITION_H
