//===- ScheduleOps.cpp - verifier of launches ----------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernelAttr());
  if (!kernel || !kernel->hasAttr(TPCDialect::kKernel))
    return emitOpError("expects '") << getKernel() << "' to be a func.func with tpc.kernel (C1)";
  FunctionType type = kernel.getFunctionType();
  if (!llvm::equal(type.getInputs(), getInputs().getTypes()) ||
      !llvm::equal(type.getResults(), getResults().getTypes()))
    return emitOpError("expects the types of its kernel (C2), which are ") << type;
  return success();
}
