//===- Pipeline.cpp - one function per phase, and the order of phases ----------===//

#include "tpc/Pipelines/Pipeline.h"
#include "ChooseSchedule.h"
#include "tpc/Autodiff/Passes.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Frontend/Passes.h"
#include "tpc/Optimize/Passes.h"
#include "tpc/Partition/Passes.h"
#include "tpc/Pipelines/VerifyStages.h"
#include "tpc/Pipelines/WriteProgram.h"
#include "tpc/Propagation/Passes.h"
#include "tpc/Target/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

/// Modules may come with calls, loops and linalg; imported models have none. Before anything else:
/// from then on a program is a straight list of ops with sharding rules.
static void buildInput(OpPassManager &manager) {
  manager.addPass(createFlattenControlFlow());
  manager.addPass(createConvertLinalg());
}

/// Boundaries become constraints. First of all: gradients of constraints are constraints, so
/// autodiff must see them.
static void buildPlan(OpPassManager &manager, const CompileOptions &options) {
  buildInput(manager);
  ApplyPlanOptions passOptions;
  passOptions.plan = options.plan;
  passOptions.policy = options.strict ? "strict" : "optimize";
  manager.addPass(createApplyPlan(passOptions));
}

/// The loss becomes a training step. Before propagation: gradients get layouts like any other
/// value.
static void buildAutodiff(OpPassManager &manager, const CompileOptions &options) {
  manager.addPass(createDifferentiate());
}

/// What a plan leaves open is decided by cost. After autodiff, because backward costs too; before
/// the optimizer, whose state lies as parameters do.
static void buildChoice(OpPassManager &manager, const CompileOptions &options) {
  if (options.strict)
    return;
  ChooseLayoutsOptions passOptions;
  passOptions.machine = options.machine;
  passOptions.dpMode = options.dpMode;
  passOptions.reshardAfterForward = options.reshardAfterForward;
  manager.addPass(createChooseLayouts(passOptions));
}

static void buildOptimizer(OpPassManager &manager, const CompileOptions &options) {
  manager.addPass(createAppendOptimizer());
}

/// Storage layouts of parameters, gradients and state. After autodiff, which makes the last two;
/// before propagation, which reads them.
static void buildDataParallelism(OpPassManager &manager, const CompileOptions &options) {
  ApplyDataParallelOptions passOptions;
  passOptions.mode = options.dpMode;
  passOptions.reshardAfterForward = options.reshardAfterForward;
  manager.addPass(createApplyDataParallel(passOptions));
}

/// Every value gets a layout, and sizes that its axes divide. From here to the end of partitioning
/// no upstream canonicalizer or CSE may run: they drop or merge the attributes that hold layouts.
/// Operations are counted here, where the whole program stands, without padding, and no rank
/// repeats a part of it.
static void buildPropagation(OpPassManager &manager, const CompileOptions &options) {
  CountFlopsOptions countOptions;
  // Presets describe a kind of machine; of the one that it is on a run measures more.
  if (MachineModel::isFile(options.machine))
    countOptions.machine = options.machine;
  manager.addPass(createCountFlops(countOptions));
  PropagateLayoutsOptions passOptions;
  passOptions.recordReasons = options.recordReasons;
  passOptions.onConflict = options.onConflict;
  passOptions.machine = options.machine;
  manager.addPass(createPropagateLayouts(passOptions));
  manager.addPass(createPadUneven());
  manager.addPass(createVerifyLayouts());
}

/// Layout changes become explicit, then collectives, then shapes become one rank's. In this order:
/// what an op needs is known before what it costs, and only then may the global shapes go.
static void buildPartition(OpPassManager &manager, const CompileOptions &options) {
  InsertReshardsOptions insertOptions;
  insertOptions.policy = options.strict ? "strict" : "optimize";
  insertOptions.machine = options.machine;
  manager.addPass(createInsertReshards(insertOptions));
  ExpandReshardsOptions expandOptions;
  expandOptions.machine = options.machine;
  manager.addPass(createExpandReshards(expandOptions));
  manager.addPass(createLocalize());
  manager.addPass(createVerifyLocal());
}

/// Fewer collectives. After localization, where they are ordinary ops on local shapes; before
/// kernels are formed, because a removed collective lets its neighbours become one kernel. Axes of
/// size one first: without them more patterns match. Joining last: it hides collectives from the
/// patterns.
static void buildOptimization(OpPassManager &manager, const CompileOptions &options) {
  manager.addPass(createFoldLocalCollectives());
  SimplifyCollectivesOptions simplifyOptions;
  simplifyOptions.keepGathers =
      options.strict; // what a plan gathers is gathered, even if only a part is used
  manager.addPass(createSimplifyCollectives(simplifyOptions));
  CombineCollectivesOptions combineOptions;
  combineOptions.machine = options.machine;
  manager.addPass(createCombineCollectives(combineOptions));
}

/// Kernels, then the order of collectives among them, then memory: a value inside a kernel needs
/// none, and what is under way needs its own. Collectives are split before, so that copies of
/// pieces can become part of kernels.
static void buildKernels(OpPassManager &manager, const CompileOptions &options) {
  if (options.overlap && options.splitCollectives) {
    SplitCollectivesOptions passOptions;
    passOptions.memoryCap = options.overlapMemory;
    passOptions.machine = options.machine;
    manager.addPass(createSplitCollectives(passOptions));
  }
  manager.addPass(createFormKernels());
  manager.addPass(createPairContracts());
  manager.addPass(createGroupLaunches());
  if (options.overlap) {
    OverlapCollectivesOptions passOptions;
    passOptions.memoryCap = options.overlapMemory;
    passOptions.machine = options.machine;
    passOptions.require = options.requireOverlap;
    manager.addPass(createOverlapCollectives(passOptions));
  }
  manager.addPass(createPlanMemory());
  manager.addPass(createVerifyMemory());
}

/// Widest vectors of a processor, in bits.
static int64_t getVectorBits(const Cpu &cpu) {
  auto has = [&](StringRef feature) { return llvm::is_contained(cpu.features, feature); };
  if (has("avx512f") || cpu.name == "x86-64-v4")
    return 512;
  return has("avx2") || cpu.name == "x86-64-v3" ? 256 : 128;
}

static bool hasBf16Instructions(const Cpu &cpu) {
  return llvm::is_contained(cpu.features, "avx512bf16") ||
         llvm::is_contained(cpu.features, "avxneconvert");
}

/// Kernels for the GPU, entries for the host. Machine code is made once the entries no longer name
/// the kernels, and embedded where they refer to it.
static void buildGpuLowering(OpPassManager &manager, const CompileOptions &options) {
  manager.addPass(createLowerKernelsToGpu());
  manager.addPass(createLowerToCuda());
  SerializeKernelsOptions code;
  code.arch = options.target.arch;
  manager.addPass(createSerializeKernels(code));
  manager.addPass(createEmbedKernels());
}

/// LLVM functions. The manifest first: it tells of slots, arguments and collectives, which lowering
/// removes; the entry programs last: they refer to kernels by what those have become.
static void buildLowering(OpPassManager &manager, const CompileOptions &options) {
  BuildManifestOptions manifest;
  manifest.cpu = options.cpu;
  manager.addPass(createBuildManifest(manifest));
  if (options.target.isCuda())
    return buildGpuLowering(manager, options);
  LowerKernelsOptions kernels;
  kernels.vectorBits = getVectorBits(options.processor);
  kernels.expandBf16 = !hasBf16Instructions(options.processor);
  manager.addPass(createLowerKernels(kernels));
  manager.addPass(createLowerToCpu());
}

ArrayRef<Phase> tpc::getPhases() {
  static const Phase phases[] = {
      {"plan", Emit::Layouts, true, buildPlan},
      {"autodiff", Emit::Layouts, true, buildAutodiff},
      {"choice", Emit::Layouts, true, buildChoice},
      {"optimizer", Emit::Layouts, true, buildOptimizer},
      {"data-parallelism", Emit::Layouts, true, buildDataParallelism},
      {"propagation", Emit::Layouts, true, buildPropagation},
      {"partition", Emit::Local, true, buildPartition},
      {"optimization", Emit::Local, true, buildOptimization},
      {"kernels", Emit::Kernels, true, buildKernels},
      {"lowering", Emit::Llvm, false, buildLowering},
  };
  return phases;
}

static LogicalResult dump(ModuleOp module, const CompileOptions &options, unsigned number,
                          StringRef phase) {
  if (options.dumpStages.empty())
    return success();
  SmallString<128> path(options.dumpStages);
  llvm::sys::path::append(path, llvm::formatv("{0,0+2}-{1}.mlir", number, phase).str());
  return writeProgram(module, path);
}

/// The program is what it is meant to be when propagation starts; that phase and all later ones
/// must keep it.
static LogicalResult verify(ModuleOp module, const Phase &phase, StageVerifier &verifier) {
  if (!verifier.hasReference())
    return success();
  return phase.interpretable ? verifier.verify(module, phase.name) : success();
}

static LogicalResult run(const Phase &phase, ModuleOp module, const CompileOptions &options,
                         llvm::function_ref<void(PassManager &)> prepare) {
  auto runWith = [&](ModuleOp form, const CompileOptions &formOptions) {
    PassManager manager(form.getContext());
    phase.build(manager, formOptions);
    if (prepare)
      prepare(manager);
    return manager.run(form);
  };
  return phase.build == buildKernels ? chooseSchedule(module, options, runWith)
                                     : runWith(module, options);
}

LogicalResult tpc::runPhases(ModuleOp module, const CompileOptions &options,
                             llvm::function_ref<void(PassManager &)> prepare, Emit reached) {
  if (reached == Emit::Import && failed(dump(module, options, 0, "import")))
    return failure();
  StageVerifier verifier;
  // Forward programs have no loss, and a module may bring its own step.
  bool trains = module.lookupSymbol("loss") && !module.lookupSymbol("step");
  for (auto [number, phase] : llvm::enumerate(getPhases())) {
    if (phase.neededBy > options.emit)
      break;
    if (phase.neededBy <= reached)
      continue;
    if ((phase.build == buildAutodiff || phase.build == buildOptimizer) && !trains)
      continue;
    if (options.verify && phase.build == buildPropagation && failed(verifier.setReference(module)))
      return failure();
    LogicalResult result = run(phase, module, options, prepare);
    if (failed(dump(module, options, number + 1, phase.name)) || failed(result))
      return failure();
    if (options.verify && failed(verify(module, phase, verifier)))
      return failure();
  }
  return success();
}
