//===- FoldLocalCollectives.cpp - collectives over axes of size 1 --------------===//

#include "tpc/Codegen/Passes.h"
#include "tpc/Dialect/TPCDialect.h"

namespace tpc {
#define GEN_PASS_DEF_FOLDLOCALCOLLECTIVES
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

/// True if every axis that `op` names has size 1. Unknown meshes are the verifier's business.
template <typename OpType>
static bool isLocal(OpType op) {
  MeshOp mesh = lookupMesh(op, op.getMeshAttr());
  return mesh && getSize(getAxes(op.getAxes(), mesh.getMesh().getMesh())) == 1;
}

template <typename OpType>
static void forward(OpType op) {
  if (!isLocal(op))
    return;
  getDelivered(op).replaceAllUsesWith(op->getOperands());
  if (WaitOp wait = getWait(op))
    wait.erase();
  op->erase();
}

static void foldIndex(AxisIndexOp op) {
  if (!isLocal(op))
    return;
  OpBuilder builder(op);
  Value zero = arith::ConstantIndexOp::create(builder, op.getLoc(), 0);
  op.replaceAllUsesWith(zero);
  op.erase();
}

/// The operand of a collective in global form lies otherwise than its result, and must not stand
/// for it.
static LogicalResult verifyLocalForm(Operation *op) {
  if (!op->hasAttr(TPCDialect::kLayouts))
    return success();
  return op->emitOpError(
      "is in its global form, where a group of one still changes the layout: run "
      "tpc-localize first");
}

namespace {
struct FoldLocalCollectives : tpc::impl::FoldLocalCollectivesBase<FoldLocalCollectives> {
  void runOnOperation() override {
    SmallVector<Operation *> ops; // a started collective takes its wait along
    getOperation().walk([&](Operation *op) {
      if (!isa<WaitOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(verifyLocalForm(op)))
        return signalPassFailure();
    for (Operation *op : ops)
      llvm::TypeSwitch<Operation *>(op)
          .Case<AllGatherOp, AllReduceOp, ReduceScatterOp, AllToAllOp, PermuteOp, ShardSliceOp>(
              [](auto collective) { forward(collective); })
          .Case([](AxisIndexOp index) { foldIndex(index); });
  }
};
} // namespace
