//===- CollectiveLocation.cpp --------------------------------------------------===//

#include "CollectiveLocation.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tpc;

CollectiveLocation tpc::getCollectiveLocation(Operation *op) {
  CollectiveLocation result;
  op->getLoc()->walk([&](Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc); name && result.module.empty())
      result.module = name.getName().str();
    if (auto file = dyn_cast<FileLineColRange>(loc); file && result.location.empty())
      result.location =
          (llvm::sys::path::filename(file.getFilename()) + ":" + llvm::Twine(file.getStartLine()))
              .str();
    return WalkResult::advance();
  });
  return result;
}
