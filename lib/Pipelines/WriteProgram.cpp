//===- WriteProgram.cpp --------------------------------------------------------===//

#include "tpc/Pipelines/WriteProgram.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

static void print(ModuleOp module, raw_ostream &os) {
  module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
}

LogicalResult tpc::writeProgram(ModuleOp module, StringRef path) {
  if (path.empty() || path == "-") {
    print(module, llvm::outs());
    return success();
  }
  auto fail = [&](const std::string &reason) -> LogicalResult {
    return emitError(FileLineColLoc::get(module.getContext(), path, 0, 0))
           << "cannot write: " << reason;
  };
  StringRef folder = llvm::sys::path::parent_path(path);
  if (!folder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(folder))
      return fail(error.message());
  llvm::Error error = llvm::writeToOutput(path, [&](raw_ostream &os) {
    print(module, os);
    return llvm::Error::success();
  });
  return error ? fail(llvm::toString(std::move(error))) : success();
}
