//===- ChooseSchedule.cpp --------------------------------------------------===//

#include "ChooseSchedule.h"
#include "tpc/Explain/Report.h"
#include "tpc/Instrumentation/PassStatistics.h"
#include "tpc/Optimize/ChunkMark.h"

using namespace mlir;
using namespace tpc;

static bool hasPieces(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        return op->hasAttr(kChunkMark) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static double predictSeconds(ModuleOp module, const MachineModel &machine) {
  FailureOr<Timeline> timeline = predictStep(findProgram(module), machine);
  return succeeded(timeline) ? timeline->seconds : std::numeric_limits<double>::infinity();
}

/// `module` becomes what `other` is.
static void replace(ModuleOp module, ModuleOp other) {
  module->setAttrs(other->getAttrs());
  module.getBodyRegion().takeBody(other.getBodyRegion());
}

LogicalResult
tpc::chooseSchedule(ModuleOp module, const CompileOptions &options,
                    llvm::function_ref<LogicalResult(ModuleOp, const CompileOptions &)> run) {
  if (!options.overlap || !options.splitCollectives)
    return run(module, options);
  OwningOpRef<ModuleOp> whole = module.clone();
  if (failed(run(module, options)))
    return failure();
  if (!hasPieces(module))
    return success();
  FailureOr<MachineModel> machine = loadMachine(options, module.getContext());
  if (failed(machine))
    return failure();
  CompileOptions unsplit = options;
  unsplit.splitCollectives = false;
  // With --overlap=require it may be the pieces that overlap.
  PassStatisticsPause pause;
  ScopedDiagnosticHandler silence(module.getContext(), [](Diagnostic &) { return success(); });
  if (succeeded(run(*whole, unsplit)) &&
      predictSeconds(*whole, *machine) < predictSeconds(module, *machine))
    replace(module, *whole);
  return success();
}
