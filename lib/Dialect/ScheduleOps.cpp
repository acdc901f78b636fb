//===- ScheduleOps.cpp - verifier of launches ----------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

/// Kernels of a device lie in a module of their own.
static Operation *lookupDeviceKernel(LaunchOp op, SymbolTableCollection &symbols) {
  Operation *table = SymbolTable::getNearestSymbolTable(op);
  for (Operation &nested : table->getRegion(0).getOps())
    if (nested.hasTrait<OpTrait::SymbolTable>())
      if (Operation *kernel = symbols.lookupSymbolIn(&nested, op.getKernelAttr()))
        return kernel;
  return nullptr;
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *kernel = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!kernel)
    kernel = lookupDeviceKernel(*this, symbols);
  if (!isa_and_nonnull<FunctionOpInterface>(kernel) || !kernel->hasAttr(TPCDialect::kKernel))
    return emitOpError("expects '") << getKernel() << "' to be a function with tpc.kernel (C1)";
  auto function = dyn_cast<func::FuncOp>(kernel);
  if (!function) // lowered: pointers only
    return success();
  FunctionType type = function.getFunctionType();
  if (!llvm::equal(type.getInputs(), getInputs().getTypes()) ||
      !llvm::equal(type.getResults(), getResults().getTypes()))
    return emitOpError("expects the types of its kernel (C2), which are ") << type;
  return success();
}
