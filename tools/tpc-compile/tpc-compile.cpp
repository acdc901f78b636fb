//===- tpc-compile.cpp - from a model and a plan to an executable --------------===//

#include "mlir/Support/LogicalResult.h"
#include "tpc/InitAllDialects.h"
#include "tpc/Instrumentation/PassStatistics.h"
#include "tpc/Pipelines/Compile.h"
#include "tpc/Pipelines/DiagnosticPrinter.h"
#include "tpc/Pipelines/TargetDefaults.h"
#include <CLI/CLI.hpp>
#include <map>
#include <optional>

using namespace tpc;

namespace {
struct CommandLine {
  CompileOptions options;
  // Without a value: as the target implies.
  std::optional<std::string> overlap, machine;
  std::optional<int64_t> overlapMemory;
  std::string explain, against, emitPlan;
  std::string mesh, policy = "optimize", emit = "exe", mode = "train", precision = "f32",
                    reshardAfterForward = "yes", arch, cpu;
  bool check = false, listModules = false, passStatistics = false;
};
} // namespace

static void declare(CLI::App &app, CommandLine &line) {
  CompileOptions &options = line.options;
  app.add_option("MODEL", options.model,
                 "folder or config.json of Hugging Face form, or a .mlir module")
      ->required();
  app.add_option("--plan", options.plan,
                 "plan file, YAML or JSON; auto: derived from the model; hf: Hugging Face's; none")
      ->capture_default_str();
  app.add_option("--plan-policy", line.policy,
                 "optimize: trade layouts inside modules for cheaper ones; strict: keep all")
      ->check(CLI::IsMember({"optimize", "strict"}))
      ->capture_default_str();
  app.add_option("--dp-mode", options.dpMode,
                 "what data-parallel ranks share out: ddp nothing, zero1 and zero2 the optimizer's "
                 "state, fsdp the parameters too")
      ->check(CLI::IsMember({"ddp", "zero1", "zero2", "fsdp"}))
      ->capture_default_str();
  app.add_option("--reshard-after-forward", line.reshardAfterForward,
                 "with --dp-mode=fsdp; yes: backward gathers parameters again; no: they are kept")
      ->check(CLI::IsMember({"yes", "no"}))
      ->capture_default_str();
  app.add_option("--mesh", line.mesh, "axes of ranks, such as dp=2,tp=4; tp=1 without it");
  app.add_option("--dp-axis", options.dpAxis,
                 "the mesh axis over which the batch is split, if it is not called dp");
  app.add_option("--tp-axis", options.tpAxis,
                 "the mesh axis that a plan's styles split, if it is not called tp");
  app.add_option("--reshard-memory", options.reshardMemory,
                 "most bytes of a rank that a layout between two others may take; 0: no limit")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--mode", line.mode, "what the executable does")
      ->check(CLI::IsMember({"train", "forward"}));
  app.add_option("--batch", options.import.batch, "sequences per step, of all ranks together");
  app.add_option("--seq", options.import.sequence, "positions per sequence");
  app.add_option("--on-conflict", options.onConflict,
                 "of annotations that cannot both be honoured: cost: keep the cheaper; error: stop")
      ->check(CLI::IsMember({"cost", "error"}))
      ->capture_default_str();
  app.add_option(
      "--machine", line.machine,
      "what traffic and work are priced on: shared-memory, ethernet-mpi, a100x8, h100x8, "
      "h200x8, b200x8, rtx-pro-6000x8 or a YAML file; without it shared-memory, with "
      "--target=cuda the preset of --arch");
  app.add_option("--precision", line.precision,
                 "of parameters and arithmetic; bf16: of activations and products, all else is f32")
      ->check(CLI::IsMember({"f32", "bf16", "f64"}))
      ->capture_default_str();
  app.add_option("--target", options.target.name, "what to compile for")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--arch", line.arch, "with --target=cuda: architecture of the GPU (sm_90)")
      ->check(CLI::IsMember({"sm_80", "sm_90", "sm_100", "sm_120"}));
  app.add_option(
         "--overlap", line.overlap,
         "on: collectives start as early and are waited for as late as they can be; require: and "
         "it is an error if one cannot overlap with computation; without it off, with "
         "--target=cuda on")
      ->check(CLI::IsMember({"off", "on", "require"}));
  app.add_option("--overlap-memory", line.overlapMemory,
                 "with --overlap: bytes that it may add to the memory in use at any time, 0: no "
                 "limit; without it 64 MiB, with --target=cuda 1 GiB")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--cpu", line.cpu,
                 "native, or an instruction set such as x86-64-v3, which --target=cuda begins "
                 "with: programs for a GPU are often compiled elsewhere")
      ->default_str("native");
  app.add_option("--emit", line.emit, "stop at a stage and write its form of the program")
      ->check(CLI::IsMember({"import", "layouts", "local", "kernels", "llvm", "obj", "exe"}));
  app.add_option("-o", options.output, "output file; standard output without it");
  app.add_option("--dump-stages", options.dumpStages,
                 "folder for the program after every phase, numbered");
  app.add_flag("--mlir-pass-statistics", line.passStatistics,
               "print what the passes counted, on standard error");
  app.add_flag("--list-modules", line.listModules,
               "print every module, its parameters' shapes and the styles it admits");
  app.add_flag("--verify", options.verify,
               "run every form of the program in the interpreter and compare; small models");
  app.add_option("--explain", line.explain,
                 "print every collective with its cost and its reasons, generate nothing")
      ->expected(0, 1)
      ->default_str("text")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--against", line.against,
                 "with --explain: another plan, to be told side by side with --plan's");
  app.add_option("--trace", options.trace,
                 "with --explain: file for the predicted timeline of a step, for Perfetto")
      ->excludes("--against");
  app.add_option("--emit-plan", line.emitPlan,
                 "pytorch, hf: print the plan as it is after optimization, in PyTorch's words or "
                 "Hugging Face's; yaml: as it was before, a plan file to begin with")
      ->check(CLI::IsMember({"pytorch", "hf", "yaml"}));
  app.add_flag("--check", line.check, "check plan and mesh, generate nothing");
  static const char *const answers[] = {"--emit", "--explain", "--emit-plan", "--check",
                                        "--list-modules"};
  for (const char *answer : answers)
    for (const char *other : answers)
      if (answer != other)
        app.get_option(answer)->excludes(other);
}

static mlir::LogicalResult checkReshardAfterForward(const CommandLine &line,
                                                    mlir::MLIRContext *context) {
  if (line.reshardAfterForward == "yes" || line.options.dpMode == "fsdp")
    return mlir::success();
  return mlir::emitError(
             mlir::NameLoc::get(mlir::StringAttr::get(context, "--reshard-after-forward")))
         << "only --dp-mode=fsdp gathers parameters, got " << line.options.dpMode;
}

/// A module is a program already: what configures the import of a model says nothing to it.
static mlir::LogicalResult checkModuleFlags(const CLI::App &app, const CommandLine &line,
                                            mlir::MLIRContext *context) {
  if (!isModule(line.options.model))
    return mlir::success();
  for (const char *flag : {"--mode", "--batch", "--seq", "--precision"})
    if (app.count(flag))
      return mlir::emitError(mlir::NameLoc::get(mlir::StringAttr::get(context, flag)))
             << "a .mlir module says this itself: only a model's config.json is imported with "
             << flag;
  if (!line.emitPlan.empty())
    return mlir::emitError(mlir::NameLoc::get(mlir::StringAttr::get(context, "--emit-plan")))
           << "other stacks' plans name modules of a model: give its folder or config.json";
  return mlir::success();
}

/// What only makes sense together with another flag, or another kind of model.
static mlir::LogicalResult checkTogether(const CLI::App &app, const CommandLine &line,
                                         mlir::MLIRContext *context) {
  if (mlir::failed(checkModuleFlags(app, line, context)) ||
      mlir::failed(checkReshardAfterForward(line, context)))
    return mlir::failure();
  if (line.arch.empty() || line.options.target.isCuda())
    return mlir::success();
  return mlir::emitError(mlir::NameLoc::get(mlir::StringAttr::get(context, "--arch")))
         << "only --target=cuda has architectures, got " << line.options.target.name;
}

/// What the user left to the target.
static void setByTarget(CompileOptions &options, const CommandLine &line) {
  TargetDefaults defaults = getDefaults(options.target);
  options.machine = line.machine.value_or(defaults.machine.str());
  std::string overlap = line.overlap.value_or(defaults.overlap ? "on" : "off");
  options.overlap = overlap != "off";
  options.requireOverlap = overlap == "require";
  options.overlapMemory = line.overlapMemory.value_or(defaults.overlapMemory);
}

static mlir::LogicalResult run(const CLI::App &app, CommandLine &line, mlir::MLIRContext *context) {
  static const std::map<std::string, Emit> stages = {
      {"import", Emit::Import},   {"layouts", Emit::Layouts}, {"local", Emit::Local},
      {"kernels", Emit::Kernels}, {"llvm", Emit::Llvm},       {"obj", Emit::Obj},
      {"exe", Emit::Exe}};
  static const std::map<std::string, ModelPrecision> precisions = {
      {"f32", ModelPrecision::F32}, {"bf16", ModelPrecision::Bf16}, {"f64", ModelPrecision::F64}};
  mlir::FailureOr<Mesh> mesh =
      line.mesh.empty() ? mlir::FailureOr<Mesh>(Mesh()) : parseMesh(line.mesh, context);
  if (mlir::failed(mesh) || mlir::failed(checkTogether(app, line, context)))
    return mlir::failure();
  CompileOptions &options = line.options;
  options.import.mesh = *mesh;
  options.import.mode = line.mode == "train" ? Mode::Train : Mode::Forward;
  options.import.precision = precisions.at(line.precision);
  options.emit = stages.at(line.emit);
  options.strict = line.policy == "strict";
  if (options.target.isCuda())
    options.target.arch = line.arch.empty() ? "sm_90" : line.arch;
  setByTarget(options, line);
  options.cpu = !line.cpu.empty() ? line.cpu : options.target.isCuda() ? "x86-64-v3" : "native";
  options.reshardAfterForward = line.reshardAfterForward == "yes";
  if (line.listModules)
    return listModules(options, context);
  static const std::map<std::string, PlanFormat> formats = {{"pytorch", PlanFormat::Pytorch},
                                                            {"hf", PlanFormat::HuggingFace},
                                                            {"yaml", PlanFormat::Yaml}};
  if (!line.emitPlan.empty())
    return emitPlan(options, formats.at(line.emitPlan), context);
  if ((!line.against.empty() || !options.trace.empty()) && line.explain.empty())
    line.explain = "text";
  ExplainFormat format = line.explain == "json" ? ExplainFormat::Json : ExplainFormat::Text;
  if (!line.against.empty())
    return comparePlans(options, line.against, format, context);
  if (!line.explain.empty())
    return explain(options, format, context);
  return line.check ? checkPlan(options, context) : compile(options, context);
}

int main(int argc, char **argv) {
  CommandLine line;
  CLI::App app("Compiles a model with a parallel plan to one native executable for all ranks.",
               "tpc-compile");
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  DiagnosticPrinter printer(&context);
  PassStatistics statistics;
  mlir::LogicalResult result = run(app, line, &context);
  if (line.passStatistics)
    statistics.print(llvm::errs());
  return mlir::succeeded(result) ? 0 : 1;
}
