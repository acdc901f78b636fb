//===- LoadModel.cpp - finds and reads a model's config.json -------------------===//

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "tpc/Frontend/Import.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

FailureOr<LlamaConfig> tpc::loadLlamaConfig(StringRef model, MLIRContext *context) {
  SmallString<128> path(model);
  if (llvm::sys::fs::is_directory(path))
    llvm::sys::path::append(path, "config.json");
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return emitError(FileLineColLoc::get(context, path, 0, 0))
           << "cannot read the model's configuration: " << buffer.getError().message();
  return parseLlamaConfig((*buffer)->getBuffer(), path, context);
}
