//===- Compile.cpp - loads, runs the phases, writes ----------------------------===//

#include "tpc/Pipelines/Compile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "tpc/Frontend/ApplyPlan.h"
#include "tpc/Partition/MeshContext.h"
#include "tpc/Pipelines/Pipeline.h"
#include "tpc/Pipelines/WriteProgram.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

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

/// A module may say its target; the command line must agree.
static LogicalResult chooseTarget(ModuleOp module, const TargetName &target) {
  if (!module->hasAttr("tpc.target")) {
    setTarget(module, target);
    return success();
  }
  FailureOr<TargetName> stated = getTarget(module);
  if (failed(stated))
    return failure();
  if (*stated == target)
    return success();
  return module.emitError("the module is for --target=")
         << stated->toString() << ", got --target=" << target.toString();
}

/// The entries of an executable are the public functions.
static LogicalResult checkEntries(ModuleOp module) {
  auto isEntry = [](func::FuncOp function) {
    return function.isPublic() && !function.isExternal();
  };
  if (llvm::any_of(module.getOps<func::FuncOp>(), isEntry))
    return success();
  return module.emitError("has no public function with a body, so there is nothing to run");
}

bool tpc::isModule(StringRef model) { return model.ends_with(".mlir"); }

static OwningOpRef<ModuleOp> loadModule(const CompileOptions &options, MLIRContext *context) {
  if (!llvm::sys::fs::exists(options.model)) {
    emitError(FileLineColLoc::get(context, options.model, 0, 0))
        << "cannot read the module: no such file";
    return {};
  }
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(options.model, ParserConfig(context));
  if (!module || failed(checkMesh(*module, options)) || failed(checkEntries(*module)) ||
      failed(checkSizes(*module)) || failed(chooseTarget(*module, options.target)))
    return {};
  return module;
}

/// What passes are told by attributes of the program.
static LogicalResult setAttributes(ModuleOp module, const CompileOptions &options) {
  MeshOp mesh = getMesh(module);
  Builder builder(module.getContext());
  if (options.reshardMemory)
    module->setAttr(kReshardMemory, builder.getI64IntegerAttr(options.reshardMemory));
  for (auto [name, attribute, option] : {std::tuple(&options.dpAxis, kDataAxis, "--dp-axis"),
                                         std::tuple(&options.tpAxis, kTensorAxis, "--tp-axis")}) {
    if (name->empty())
      continue;
    if (!mesh.getMesh().getMesh().findAxis(*name))
      return mesh.emitError("the mesh has no axis '") << *name << "' for " << option;
    mesh->setAttr(attribute, builder.getStringAttr(*name));
  }
  return success();
}

static OwningOpRef<ModuleOp> readProgram(const CompileOptions &options, MLIRContext *context,
                                         int64_t layers) {
  if (isModule(options.model))
    return loadModule(options, context);
  FailureOr<LlamaConfig> config = loadLlamaConfig(options.model, context);
  if (failed(config))
    return {};
  if (layers)
    config->layers = layers;
  ImportOptions import = options.import;
  if (import.mesh.axes.empty())
    import.mesh.axes.push_back({"tp", 1});
  OwningOpRef<ModuleOp> module = importLlama(*config, import, context);
  if (module)
    setTarget(*module, options.target);
  return module;
}

OwningOpRef<ModuleOp> tpc::loadProgram(const CompileOptions &options, MLIRContext *context,
                                       int64_t layers) {
  OwningOpRef<ModuleOp> module = readProgram(options, context, layers);
  if (!module || failed(setAttributes(*module, options)))
    return {};
  return module;
}

//===-- output -----------------------------------------------------------------===//

static InFlightDiagnostic errorAt(StringRef path, MLIRContext *context) {
  return emitError(FileLineColLoc::get(context, path, 0, 0));
}

/// What comes after the LLVM dialect.
static LogicalResult writeMachineCode(ModuleOp module, const CompileOptions &options) {
  MLIRContext *context = module.getContext();
  SmallString<0> buffer;
  llvm::raw_svector_ostream os(buffer);
  if (options.emit == Emit::Llvm)
    return failed(emitLlvm(module, options.processor, os))
               ? failure()
               : writeOutput(options.output, context, [&](raw_ostream &out) { out << buffer; });
  if (failed(emitObject(module, options.processor, os)))
    return failure();
  if (options.emit == Emit::Obj)
    return writeOutput(options.output, context, [&](raw_ostream &out) { out << buffer; });
  LinkOptions link;
  link.cuda = options.target.isCuda();
  return linkExecutable(buffer, options.output, link,
                        FileLineColLoc::get(context, options.output, 0, 0));
}

/// Said before any work is done.
static LogicalResult checkOutput(const CompileOptions &options, MLIRContext *context) {
  Location flag = NameLoc::get(StringAttr::get(context, "-o"));
  if (options.emit == Emit::Exe && options.output.empty())
    return emitError(flag) << "an executable needs an output file";
  if (options.emit == Emit::Obj && options.output.empty() && llvm::outs().is_displayed())
    return emitError(flag) << "standard output is a terminal, which machine code is not for: name "
                              "an output file";
  StringRef folder = llvm::sys::path::parent_path(options.output);
  if (options.emit >= Emit::Llvm && !folder.empty() && !llvm::sys::fs::is_directory(folder))
    return errorAt(options.output, context)
           << "cannot write: there is no folder '" << folder << "'";
  return success();
}

/// Said before any work is done.
static LogicalResult checkTarget(const CompileOptions &options, MLIRContext *context) {
  if (!options.target.isCuda() || options.emit < Emit::Llvm || options.cudaRuntime)
    return success();
  return emitError(NameLoc::get(StringAttr::get(context, "--target")))
         << "this build of tpc was made without the CUDA toolkit: install it (cuda-toolkit-13-0, "
            "or 12.8 and newer, "
            "with cuDNN's and NCCL's headers) and configure tpc anew; --emit=kernels needs none";
}

LogicalResult tpc::compile(const CompileOptions &given, MLIRContext *context) {
  CompileOptions options = given;
  FailureOr<Cpu> processor = getCpu(options.cpu, NameLoc::get(StringAttr::get(context, "--cpu")));
  if (failed(processor) || failed(checkOutput(options, context)) ||
      failed(checkTarget(options, context)))
    return failure();
  options.processor = *processor;
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module || failed(runPhases(*module, options)))
    return failure();
  return options.emit < Emit::Llvm ? writeProgram(*module, options.output)
                                   : writeMachineCode(*module, options);
}

//===-- inspection -------------------------------------------------------------===//

namespace {
/// Counts the constraints that the plan adds to those a module brings.
struct ConstraintCounter : PassInstrumentation {
  explicit ConstraintCounter(int64_t &added) : added(added) {}
  void runBeforePass(Pass *pass, Operation *op) override { count(pass, op, -1); }
  void runAfterPass(Pass *pass, Operation *op) override { count(pass, op, 1); }
  void count(Pass *pass, Operation *op, int64_t sign) {
    if (pass->getArgument() == "tpc-apply-plan")
      op->walk([&](ConstrainOp) { added += sign; });
  }
  int64_t &added;
};
} // namespace

LogicalResult tpc::checkPlan(const CompileOptions &given, MLIRContext *context) {
  CompileOptions options = given;
  options.emit = Emit::Layouts;
  options.verify = false;
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  int64_t constraints = 0;
  auto prepare = [&](PassManager &manager) {
    manager.addInstrumentation(std::make_unique<ConstraintCounter>(constraints));
  };
  if (!module || failed(runPhases(*module, options, prepare)))
    return failure();
  llvm::outs() << "the plan fits the model and the mesh: " << constraints << " constraints\n";
  return success();
}

LogicalResult tpc::listModules(const CompileOptions &options, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module)
    return failure();
  return writeOutput(options.output, context, [&](raw_ostream &os) { printModules(*module, os); });
}
