//===- Compile.cpp - loads, runs the phases, writes ----------------------------===//

#include "tpc/Pipelines/Compile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

OwningOpRef<ModuleOp> tpc::loadProgram(const CompileOptions &options, MLIRContext *context) {
  if (StringRef(options.model).ends_with(".mlir")) {
    if (!llvm::sys::fs::exists(options.model)) {
      emitError(FileLineColLoc::get(context, options.model, 0, 0)) << "cannot read the module: no such file";
      return {};
    }
    return parseSourceFile<ModuleOp>(options.model, ParserConfig(context));
  }
  FailureOr<LlamaConfig> config = loadLlamaConfig(options.model, context);
  if (failed(config))
    return {};
  return importLlama(*config, options.import, context);
}

/// Text of the program, with locations: they name modules and plan lines.
static void print(ModuleOp module, raw_ostream &os) {
  module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
}

static LogicalResult writeText(ModuleOp module, const std::string &path) {
  if (path.empty() || path == "-") {
    print(module, llvm::outs());
    return success();
  }
  llvm::Error error = llvm::writeToOutput(path, [&](raw_ostream &os) {
    print(module, os);
    return llvm::Error::success();
  });
  if (!error)
    return success();
  return emitError(FileLineColLoc::get(module.getContext(), path, 0, 0))
         << "cannot write: " << llvm::toString(std::move(error));
}

LogicalResult tpc::compile(const CompileOptions &options, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = loadProgram(options, context);
  if (!module)
    return failure();
  return writeText(*module, options.output);
}
