//===- LowerToCpu.cpp - planned schedules as LLVM functions that call the runtime ===//

#include "EntryLowering.h"
#include "LowerEntries.h"
#include "tpc/Codegen/KernelInfo.h"
#include "tpc/Codegen/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_LOWERTOCPU
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;
using Field = RuntimeCalls::Field;

namespace {
/// Kernels are functions of the program, copies are the processor's.
struct CpuEntryLowering : EntryLowering {
  using EntryLowering::EntryLowering;
  LogicalResult lowerLaunch(LaunchOp op) override;
  LogicalResult lowerCopy(CopyOp op) override;
};
} // namespace

LogicalResult CpuEntryLowering::lowerLaunch(LaunchOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(op, op.getKernelAttr());
  if (!kernel)
    return op.emitOpError("expects '") << op.getKernel() << "' to be lowered to an llvm.func first";
  KernelInfo info = KernelInfo::get(kernel);
  if (info.extent <= 0)
    return success();
  fillPointers(op->getOperands(), 0);
  fillPointers(op->getResults(), op->getNumOperands());
  runtime.call(builder, loc, "tpc_launch", {},
               {context, runtime.getAddress(builder, loc, kernel.getName()), pointers,
                getInteger(info.extent), getInteger(info.grain)});
  return success();
}

LogicalResult CpuEntryLowering::lowerCopy(CopyOp op) {
  if (getSlot(op.getInput()) == getSlot(op.getResult()))
    return success();
  Value to = getPointer(op.getResult()), from = getPointer(op.getInput());
  LLVM::MemcpyOp::create(builder, loc, to, from, getInteger(tpc::getBytes(op.getType())),
                         /*isVolatile=*/false);
  return success();
}

namespace {
struct LowerToCpu : tpc::impl::LowerToCpuBase<LowerToCpu> {
  void runOnOperation() override {
    ProgramTarget target;
    target.backend = addBackend(getOperation(), "tpc_cpu_backend");
    target.deviceCode = Field::null();
    RuntimeCalls runtime(getOperation());
    if (failed(lowerEntries<CpuEntryLowering>(getOperation(), runtime, target)))
      signalPassFailure();
  }
};
} // namespace
