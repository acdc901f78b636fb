//===- WriteProgram.cpp --------------------------------------------------------===//

#include "tpc/Pipelines/WriteProgram.h"
#include "tpc/Target/AsideFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

static void print(ModuleOp module, raw_ostream &os) {
  module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
}

LogicalResult tpc::writeProgram(ModuleOp module, StringRef path) {
  auto fail = [&](const std::string &reason) -> LogicalResult {
    StringRef name = path.empty() ? "-" : path;
    return emitError(FileLineColLoc::get(module.getContext(), name, 0, 0))
           << "cannot write: " << reason;
  };
  StringRef folder = llvm::sys::path::parent_path(path);
  if (!folder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(folder))
      return fail(error.message());
  std::error_code error = writeFile(path, [&](raw_ostream &os) { print(module, os); });
  return error ? fail(error.message()) : success();
}
