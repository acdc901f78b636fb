//===- WriteProgram.cpp --------------------------------------------------------===//

#include "tpc/Pipelines/WriteProgram.h"
#include "tpc/Target/AsideFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

/// Success if there is no error.
static LogicalResult report(StringRef path, MLIRContext *context, std::error_code error) {
  if (!error)
    return success();
  return emitError(FileLineColLoc::get(context, path.empty() ? "-" : path, 0, 0))
         << "cannot write: " << error.message();
}

LogicalResult tpc::writeOutput(StringRef path, MLIRContext *context,
                               function_ref<void(raw_ostream &)> print) {
  return report(path, context, writeFile(path, print));
}

LogicalResult tpc::writeProgram(ModuleOp module, StringRef path) {
  MLIRContext *context = module.getContext();
  if (StringRef folder = llvm::sys::path::parent_path(path); !folder.empty())
    if (failed(report(path, context, llvm::sys::fs::create_directories(folder))))
      return failure();
  return writeOutput(path, context, [&](raw_ostream &os) {
    module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
    os << "\n";
  });
}
