//===- LowerToCuda.cpp - planned schedules as LLVM functions that drive a GPU --===//

#include "EntryLowering.h"
#include "LowerEntries.h"
#include "tpc/Codegen/Passes.h"

namespace tpc {
#define GEN_PASS_DEF_LOWERTOCUDA
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;
using Field = RuntimeCalls::Field;

static constexpr StringLiteral kKernels = "tpc_kernels";
static constexpr StringLiteral kDeviceCode = "tpc_device_code";

namespace {
/// Kernels are functions of the device code, found by name; copies are the device's.
struct CudaEntryLowering : EntryLowering {
  using EntryLowering::EntryLowering;
  LogicalResult lowerLaunch(LaunchOp op) override;
  LogicalResult lowerCopy(CopyOp op) override;

private:
  unsigned fillArguments(LaunchOp op, bool hasWorkspace);
  void launch(Operation *kernel, unsigned arguments);
};
} // namespace

static Operation *lookupKernel(Operation *from, StringAttr name) {
  auto module = from->getParentOfType<ModuleOp>();
  auto inner = FlatSymbolRefAttr::get(name);
  return SymbolTable::lookupSymbolIn(
      module, SymbolRefAttr::get(StringAttr::get(from->getContext(), kKernels), {inner}));
}

/// Pointers to operands and results, index operands by value, the workspace.
unsigned CudaEntryLowering::fillArguments(LaunchOp op, bool hasWorkspace) {
  unsigned number = 0;
  for (Value operand : op->getOperands()) {
    bool index = operand.getType().isIndex();
    LLVM::StoreOp::create(builder, loc, index ? getIndex(operand) : getPointer(operand),
                          getPointerAddress(number++));
  }
  fillPointers(op->getResults(), number);
  number += op->getNumResults();
  if (hasWorkspace)
    LLVM::StoreOp::create(builder, loc, getWorkspace(op), getPointerAddress(number++));
  return number;
}

void CudaEntryLowering::launch(Operation *kernel, unsigned arguments) {
  auto grid = kernel->getAttrOfType<DictionaryAttr>("tpc.grid");
  auto get = [&](StringRef key) {
    auto value = grid.getAs<IntegerAttr>(key);
    return Field::int64(value ? value.getInt() : 0);
  };
  StringRef name = SymbolTable::getSymbolName(kernel).getValue();
  Value desc =
      getDescriptor("tpc_device_kernel_desc", {Field::string(name), Field::int64(arguments),
                                               get("blocks"), get("threads"), get("shared_bytes")});
  runtime.call(builder, loc, "tpc_launch_device", {}, {context, desc, pointers});
}

LogicalResult CudaEntryLowering::lowerLaunch(LaunchOp op) {
  Operation *kernel = lookupKernel(op, op.getKernelAttr().getAttr());
  auto grid = kernel ? kernel->getAttrOfType<DictionaryAttr>("tpc.grid") : DictionaryAttr();
  if (!grid)
    return op.emitOpError("expects '") << op.getKernel() << "' in gpu.module @" << kKernels
                                       << " with tpc.grid; tpc-lower-kernels-to-gpu makes it";
  auto blocks = grid.getAs<IntegerAttr>("blocks");
  if (blocks && blocks.getInt() == 0)
    return success();
  unsigned arguments = fillArguments(op, kernel->hasAttr("tpc.workspace"));
  launch(kernel, arguments);
  auto finish = kernel->getAttrOfType<FlatSymbolRefAttr>("tpc.finish");
  if (!finish)
    return success();
  Operation *second = lookupKernel(op, finish.getAttr());
  if (!second)
    return op.emitOpError("expects the second stage '")
           << finish.getValue() << "' of '" << op.getKernel() << "'";
  launch(second, arguments);
  return success();
}

LogicalResult CudaEntryLowering::lowerCopy(CopyOp op) {
  if (getSlot(op.getInput()) == getSlot(op.getResult()))
    return success();
  runtime.call(builder, loc, "tpc_copy", {},
               {context, getPointer(op.getResult()), getPointer(op.getInput()),
                getInteger(tpc::getBytes(op.getType()))});
  return success();
}

/// The bytes of the device code, none before tpc-embed-kernels.
static Field addDeviceCode(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, kDeviceCode, builder.getStringAttr(""));
  return Field::function(kDeviceCode);
}

namespace {
struct LowerToCuda : tpc::impl::LowerToCudaBase<LowerToCuda> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ProgramTarget target;
    target.backend = addBackend(module, "tpc_cuda_backend");
    target.deviceCode = module.lookupSymbol(kKernels) ? addDeviceCode(module) : Field::null();
    RuntimeCalls runtime(module);
    if (failed(lowerEntries<CudaEntryLowering>(module, runtime, target)))
      signalPassFailure();
  }
};
} // namespace
