//===- Compile.h - the whole compiler as one call ------------------------------===//

#ifndef TPC_PIPELINES_COMPILE_H
#define TPC_PIPELINES_COMPILE_H

#include "mlir/IR/MLIRContext.h"
#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Frontend/Import.h"
#include "tpc/Sharding/MachineModel.h"
#include "tpc/Target/Cpu.h"
#include "tpc/Target/Target.h"
#include <string>

namespace tpc {

/// Where to stop; each is the form of the program after a phase (see Pipeline.h).
enum class Emit { Import, Layouts, Local, Kernels, Llvm, Obj, Exe };

struct CompileOptions {
  std::string model;                     ///< folder, config.json or .mlir
  std::string plan = "auto";             ///< plan file, or auto, hf, none (see getPlan)
  bool strict = false;                   ///< --plan-policy=strict
  std::string dpMode = "ddp";            ///< ddp, zero1, zero2 or fsdp
  bool reshardAfterForward = true;       ///< fsdp: gather parameters again in backward
  std::string onConflict = "cost";       ///< cost or error (tpc-propagate-layouts)
  ImportOptions import;                  ///< no mesh: that of a .mlir module, else tp=1
  std::string machine = "shared-memory"; ///< what traffic and work are priced on
  TargetName target;                     ///< --target, --arch
  bool cudaRuntime = hasCudaRuntime();   ///< whether programs for a GPU can be linked
  std::string cpu = "native";
  Cpu processor; ///< what `cpu` names; set by compile()
  Emit emit = Emit::Exe;
  std::string dpAxis, tpAxis;       ///< mesh axes that have these roles, if not those so called
  int64_t reshardMemory = 0;        ///< most bytes of a layout between two others; 0: no limit
  bool overlap = false;             ///< start collectives early and wait late
  bool splitCollectives = true;     ///< with overlap: in pieces, where these are predicted to pay
  bool requireOverlap = false;      ///< with overlap: what cannot is an error
  int64_t overlapMemory = 64 << 20; ///< bytes that overlapping may add to memory; 0: no limit
  bool recordReasons = false;       ///< propagation records its decisions, for explain()
  bool verify = false; ///< run every form of the program in the reference interpreter and compare
  std::string output;  ///< empty: standard output
  std::string dumpStages; ///< folder for the program after every phase, or empty
  std::string trace;      ///< explain(): file for the predicted timeline, or empty
};

/// Reads "dp=2,tp=4". Reports malformed text, repeated axes and sizes below one, and fails.
mlir::FailureOr<Mesh> parseMesh(llvm::StringRef text, mlir::MLIRContext *context);

/// The machine that `options.machine` names; an error at --machine if there is none.
mlir::FailureOr<MachineModel> loadMachine(const CompileOptions &options,
                                          mlir::MLIRContext *context);

/// Is MODEL a .mlir module, not the configuration of a model?
bool isModule(llvm::StringRef model);

/// The program of `options.model` before any phase; with `layers` of a model like it that has so
/// many layers.
mlir::OwningOpRef<mlir::ModuleOp> loadProgram(const CompileOptions &options,
                                              mlir::MLIRContext *context, int64_t layers = 0);

/// Gives every value its layout under the plan, with the messages that compiling has until then;
/// prints a line if the plan fits.
mlir::LogicalResult checkPlan(const CompileOptions &options, mlir::MLIRContext *context);

/// Prints every module, its parameters' shapes and the styles it admits.
mlir::LogicalResult listModules(const CompileOptions &options, mlir::MLIRContext *context);

enum class ExplainFormat { Text, Json };

/// Partitions the program and prints what it costs and why (tpc/Explain); generates no code.
mlir::LogicalResult explain(const CompileOptions &options, ExplainFormat format,
                            mlir::MLIRContext *context);

/// Prints the costs under `options.plan` and under the plan `other` side by side.
mlir::LogicalResult comparePlans(const CompileOptions &options, const std::string &other,
                                 ExplainFormat format, mlir::MLIRContext *context);

enum class PlanFormat { Pytorch, HuggingFace, Yaml };

/// Prints the plan as tpc has it after its own changes: a dictionary for PyTorch's
/// parallelize_module with the edits that the model needs, or Hugging Face's plan strings. Rules
/// that these cannot say are errors. As YAML, a plan file, the plan is as it was given or derived.
mlir::LogicalResult emitPlan(const CompileOptions &options, PlanFormat format,
                             mlir::MLIRContext *context);

/// Compiles and writes the output; a file appears under its final name only when it is complete.
mlir::LogicalResult compile(const CompileOptions &options, mlir::MLIRContext *context);

} // namespace tpc

#endif // TPC_PIPELINES_COMPILE_H
