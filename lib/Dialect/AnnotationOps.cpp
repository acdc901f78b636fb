//===- AnnotationOps.cpp - verifiers of boundaries and layout requests ---------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

LogicalResult BoundaryOp::verify() {
  if (getModule().empty())
    return emitOpError("needs the name of a module (C2)");
  int64_t next = 0;
  for (Attribute group : getDims())
    for (Attribute dim : cast<ArrayAttr>(group))
      if (cast<IntegerAttr>(dim).getInt() != next++)
        return emitOpError(
                   "needs consecutive groups in dims that cover every dimension once (C1), got ")
               << getDims();
  if (next != cast<RankedTensorType>(getInput().getType()).getRank())
    return emitOpError(
               "needs consecutive groups in dims that cover every dimension once (C1), got ")
           << getDims();
  return success();
}

BlockArgument tpc::getStoredParameter(Value value) {
  while (isa_and_present<arith::TruncFOp, arith::ExtFOp, BarrierOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(value);
  auto function = argument ? dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp())
                           : FunctionOpInterface();
  return function && function.getArgAttr(argument.getArgNumber(), TPCDialect::kParam)
             ? argument
             : BlockArgument();
}

BlockArgument UseOp::getParameter() { return getStoredParameter(getInput()); }

template <typename OpType>
static LogicalResult verifyLayoutOf(OpType op) {
  MeshOp mesh = lookupMesh(op, op.getLayout().getMesh());
  if (!mesh)
    return op.emitOpError("expects the mesh of its layout to be a tpc.mesh symbol (C1), got ")
           << op.getLayout().getMesh();
  return op.getLayout().verifyOn([&] { return op.emitOpError(); }, mesh.getMesh().getMesh(),
                                 cast<RankedTensorType>(op.getInput().getType()).getRank());
}

LogicalResult ConstrainOp::verify() { return verifyLayoutOf(*this); }
LogicalResult ReshardOp::verify() { return verifyLayoutOf(*this); }
