//===- VerifyLocal.cpp - the pass tpc-verify-local ------------------------------===//

#include "tpc/Dialect/VerifyShard.h"
#include "tpc/Partition/MeshContext.h"
#include "tpc/Partition/Passes.h"

#define DEBUG_TYPE "tpc-verify-local"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_VERIFYLOCAL
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// P3 for one argument or result.
static LogicalResult verifyGlobal(func::FuncOp function, Type type, DictionaryAttr attributes,
                                  const char *what, unsigned number) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (attributes && attributes.contains(TPCDialect::kLayout))
    return function.emitError() << what << " " << number
                                << " still has tpc.layout (P1): check tpc-localize";
  if (!tensor)
    return success();
  if (!attributes || !attributes.contains(TPCDialect::kGlobal))
    return function.emitError() << what << " " << number
                                << " has no tpc.global (P3): check tpc-localize";
  return verifyShard(function, tensor, attributes, Twine(what) + " " + Twine(number));
}

static LogicalResult verifySignature(func::FuncOp function) {
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(verifyGlobal(function, type, function.getArgAttrDict(number), "argument", number)))
      return failure();
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(verifyGlobal(function, type, function.getResultAttrDict(number), "result", number)))
      return failure();
  return success();
}

static LogicalResult verifyOp(Operation *op) {
  if (isa<BoundaryOp>(op))
    return op->emitOpError("is left (P2): check tpc-apply-plan");
  if (isa<ConstrainOp>(op))
    return op->emitOpError("is left (P2): check tpc-insert-reshards");
  if (isa<ReshardOp>(op))
    return op->emitOpError("is left (P2): check tpc-expand-reshards");
  if (isa<UseOp>(op))
    return op->emitOpError("is left (P2): check tpc-localize");
  if (op->hasAttr(TPCDialect::kLayouts))
    return op->emitOpError("still has tpc.layouts (P1, P4): check tpc-localize");
  return success();
}

namespace {
struct VerifyLocal : tpc::impl::VerifyLocalBase<VerifyLocal> {
  void runOnOperation() override {
    FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(getOperation());
    if (failed(functions))
      return signalPassFailure();
    for (func::FuncOp function : *functions) {
      if (failed(verifySignature(function)))
        return signalPassFailure();
      for (Operation &op : function.getBody().front())
        if (failed(verifyOp(&op)))
          return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }
};
} // namespace
