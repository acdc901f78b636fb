//===- Compile.cpp - loads, runs the phases, writes ----------------------------===//

#include "tpc/Pipelines/Compile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "tpc/Frontend/ApplyPlan.h"
#include "tpc/Pipelines/Pipeline.h"
#include "tpc/Pipelines/WriteProgram.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace tpc;

/// A module brings its mesh; `--mesh` may repeat it.
static LogicalResult checkMesh(ModuleOp module, const CompileOptions &options) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("expects one tpc.mesh");
  if (!options.import.mesh.axes.empty() && !(mesh.getMesh().getMesh() == options.import.mesh))
    return mesh.emitError("the module's mesh ") << mesh.getMesh() << " contradicts --mesh";
  return success();
}

OwningOpRef<ModuleOp> tpc::loadProgram(const CompileOptions &options, MLIRContext *context) {
  if (StringRef(options.model).ends_with(".mlir")) {
    if (!llvm::sys::fs::exists(options.model)) {
      emitError(FileLineColLoc::get(context, options.model, 0, 0)) << "cannot read the module: no such file";
      return {};
    }
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(options.model, ParserConfig(context));
    return module && succeeded(checkMesh(*module, options)) ? std::move(module) : OwningOpRef<ModuleOp>();
  }
  FailureOr<LlamaConfig> config = loadLlamaConfig(options.model, context);
  if (failed(config))
    return {};
  ImportOptions import = options.import;
  if (import.mesh.axes.empty())
    import.mesh.axes.push_back({"tp", 1});
  return importLlama(*config, import, context);
}

LogicalResult tpc::compile(const CompileOptions &options, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module || failed(runPhases(*module, options)))
    return failure();
  return writeProgram(*module, options.output);
}

LogicalResult tpc::checkPlan(const CompileOptions &options, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module)
    return failure();
  FailureOr<Plan> plan = Plan();
  if (!options.plan.empty())
    plan = loadPlan(options.plan, context);
  if (failed(plan))
    return failure();
  PlanPolicy policy = options.strict ? PlanPolicy::Strict : PlanPolicy::Optimize;
  FailureOr<unsigned> constraints = applyPlan(*module, options.plan.empty() ? nullptr : &*plan, policy);
  if (failed(constraints))
    return failure();
  llvm::outs() << "the plan fits the model and the mesh: " << *constraints << " constraints\n";
  return success();
}

LogicalResult tpc::listModules(const CompileOptions &options, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module)
    return failure();
  printModules(*module, llvm::outs());
  return success();
}
