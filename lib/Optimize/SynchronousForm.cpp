//===- SynchronousForm.cpp -------------------------------------------------===//

#include "SynchronousForm.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

LogicalResult tpc::verifySynchronousBlock(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("needs a body of one block, got ")
           << function.getBody().getBlocks().size();
  for (auto wait : function.getBody().front().getOps<WaitOp>())
    return wait.emitOpError("ends a collective that was started already: collectives are rewritten "
                            "before tpc-overlap-collectives, which runs once");
  return success();
}
