//===- LowerKernelsToGpu.cpp - kernel bodies become functions of the gpu dialect ===//

#include "GpuCopy.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Dialect/TPCDialect.h"

#define DEBUG_TYPE "tpc-lower-kernels-to-gpu"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_LOWERKERNELSTOGPU
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// Writes one kernel into the gpu.module.
class KernelWriter {
public:
  KernelWriter(gpu::GPUModuleOp module, func::FuncOp kernel, KernelPlan plan)
      : module(module), kernel(kernel), plan(std::move(plan)) {}

  LogicalResult run();

private:
  gpu::GPUFuncOp createFunction(StringRef name, const GpuKernelInfo &info);
  /// Creates the function and lets `emit` write its body.
  template <typename Emit>
  void write(StringRef name, const GpuKernelInfo &info, int64_t lanes, Emit emit);
  void writeElements();
  void writeRows();
  LogicalResult writeColumns();
  LogicalResult writeCopy();
  void writeRope(RopeOp op);
  void writeRopeTable(RopeTableOp op);

  gpu::GPUModuleOp module;
  func::FuncOp kernel;
  KernelPlan plan;
};

} // namespace

/// What is known of a pointer: nobody writes where it points through another one, unless a result
/// may lie in an operand's place.
static void describePointers(func::FuncOp kernel, const KernelPlan &plan, gpu::GPUFuncOp function) {
  Builder builder(kernel.getContext());
  auto inPlace = plan.getInfo(kernel).inPlace;
  unsigned operands = kernel.getNumArguments();
  auto mayShare = [&](unsigned number) {
    if (number >= operands)
      return number - operands < inPlace.size() && !inPlace[number - operands].empty();
    return llvm::any_of(inPlace, [&](ArrayRef<int64_t> list) {
      return llvm::is_contained(list, static_cast<int64_t>(number));
    });
  };
  for (unsigned number = 0; number < function.getNumArguments(); ++number) {
    if (!isa<LLVM::LLVMPointerType>(function.getArgument(number).getType()))
      continue;
    function.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                        builder.getI64IntegerAttr(16));
    if (mayShare(number))
      continue;
    function.setArgAttr(number, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (number < operands)
      function.setArgAttr(number, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  }
}

static gpu::GPUFuncOp createKernel(gpu::GPUModuleOp module, Location loc, StringRef name,
                                   FunctionType type, const GpuKernelInfo &info) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = gpu::GPUFuncOp::create(builder, loc, name, type);
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function.setKnownBlockSizeAttr(
      builder.getDenseI32ArrayAttr({static_cast<int32_t>(info.threads), 1, 1}));
  function.setKnownGridSizeAttr(builder.getDenseI32ArrayAttr(
      {static_cast<int32_t>(std::max<int64_t>(info.blocks, 1)), 1, 1}));
  info.attachTo(function);
  return function;
}

gpu::GPUFuncOp KernelWriter::createFunction(StringRef name, const GpuKernelInfo &info) {
  MLIRContext *context = kernel.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context, /*addressSpace=*/1);
  SmallVector<Type> types;
  for (Type type : kernel.getArgumentTypes())
    types.push_back(type.isIndex() ? Type(IntegerType::get(context, 64)) : pointer);
  types.append(kernel.getNumResults() + (info.workspaceBytes != 0), pointer);
  gpu::GPUFuncOp function =
      createKernel(module, kernel.getLoc(), name, FunctionType::get(context, types, {}), info);
  function->setAttr(TPCDialect::kKernel, plan.getInfo(kernel).toAttribute(context));
  describePointers(kernel, plan, function);
  return function;
}

template <typename Emit>
void KernelWriter::write(StringRef name, const GpuKernelInfo &info, int64_t lanes, Emit emit) {
  GpuKernelEmitter emitter(kernel, createFunction(name, info), lanes);
  if (info.blocks)
    emit(emitter);
  gpu::ReturnOp::create(emitter.getBuilder(), kernel.getLoc());
}

void KernelWriter::writeElements() {
  int64_t elements = cast<RankedTensorType>(kernel.getResultTypes().front()).getNumElements();
  int64_t lanes = getGpuLanes(kernel, elements);
  VectorGeometry geometry = VectorGeometry::get(elements / lanes, lanes);
  write(kernel.getName(), geometry.getInfo(), lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuElements(emitter, plan, geometry); });
}

void KernelWriter::writeRows() {
  RowGeometry geometry = RowGeometry::get(kernel, plan);
  write(kernel.getName(), geometry.getInfo(), geometry.lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuRows(emitter, plan, geometry); });
}

LogicalResult KernelWriter::writeColumns() {
  ArrayRef<int64_t> dims = (*kernel.getOps<ReduceOp>().begin()).getDims();
  for (ReduceOp op : kernel.getOps<ReduceOp>())
    if (op.getDims() != dims)
      return op.emitOpError("reduces other dimensions than the first reduction of its kernel");
  ColumnGeometry geometry = ColumnGeometry::get(kernel, plan);
  GpuKernelInfo info = geometry.getInfo();
  std::string finish = kernel.getName().str() + "_finish";
  if (info.workspaceBytes)
    info.finish = FlatSymbolRefAttr::get(kernel.getContext(), finish);
  write(kernel.getName(), info, geometry.lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuColumns(emitter, plan, geometry); });
  if (!info.workspaceBytes)
    return success();
  GpuKernelInfo second = geometry.getSecondStage().getInfo();
  second.workspaceBytes = info.workspaceBytes;
  write(finish, second, geometry.lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuColumnsFinish(emitter, plan, geometry); });
  return success();
}

LogicalResult KernelWriter::writeCopy() {
  FailureOr<std::vector<CopyBox>> boxes = getCopyBoxes(getOnlyOp(kernel));
  if (failed(boxes))
    return failure();
  GpuCopy copy(kernel, *boxes);
  write(kernel.getName(), copy.getInfo(), copy.getLanes(),
        [&](GpuKernelEmitter &emitter) { copy.emit(emitter); });
  return success();
}

void KernelWriter::writeRope(RopeOp op) {
  VectorGeometry geometry = getRopeGeometry(kernel, op);
  write(kernel.getName(), geometry.getInfo(), geometry.lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuRope(emitter, op, geometry); });
}

void KernelWriter::writeRopeTable(RopeTableOp op) {
  VectorGeometry geometry = getRopeTableGeometry(op);
  write(kernel.getName(), geometry.getInfo(), geometry.lanes,
        [&](GpuKernelEmitter &emitter) { emitGpuRopeTable(emitter, op, geometry); });
}

LogicalResult KernelWriter::run() {
  switch (plan.loop) {
  case KernelLoop::Elements:
    writeElements();
    return success();
  case KernelLoop::Rows:
    writeRows();
    return success();
  case KernelLoop::Columns:
    return writeColumns();
  case KernelLoop::Copy:
    return writeCopy();
  case KernelLoop::Rope:
    writeRope(cast<RopeOp>(getOnlyOp(kernel)));
    return success();
  case KernelLoop::RopeTable:
    writeRopeTable(cast<RopeTableOp>(getOnlyOp(kernel)));
    return success();
  }
  llvm_unreachable("unknown loop");
}

//===-- groups -----------------------------------------------------------------===//

/// Its only parameter is the table of its pointers, by value.
static gpu::GPUFuncOp createGroupFunction(gpu::GPUModuleOp module, func::FuncOp kernel,
                                          const KernelGroup &group, const GroupGeometry &geometry) {
  MLIRContext *context = kernel.getContext();
  auto type = FunctionType::get(context, {LLVM::LLVMPointerType::get(context)}, {});
  gpu::GPUFuncOp function =
      createKernel(module, kernel.getLoc(), kernel.getName(), type, geometry.getInfo());
  auto pointer = LLVM::LLVMPointerType::get(context, /*addressSpace=*/1);
  function.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(LLVM::LLVMArrayType::get(pointer, geometry.pointers)));
  function.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(),
                      Builder(context).getI64IntegerAttr(8));
  function->setAttr(TPCDialect::kKernel, group.getInfo().toAttribute(context));
  return function;
}

static LogicalResult writeGroup(gpu::GPUModuleOp module, func::FuncOp kernel) {
  FailureOr<KernelGroup> group = KernelGroup::get(kernel);
  if (failed(group))
    return failure();
  func::FuncOp member = group->getLargest();
  FailureOr<KernelPlan> plan = KernelPlan::get(member);
  if (failed(plan))
    return failure();
  GroupGeometry geometry = GroupGeometry::get(*group, *plan);
  gpu::GPUFuncOp function = createGroupFunction(module, kernel, *group, geometry);
  GpuKernelEmitter emitter(member, function, geometry.getLanes());
  emitGpuGroup(emitter, *plan, geometry);
  gpu::ReturnOp::create(emitter.getBuilder(), kernel.getLoc());
  kernel.erase();
  eraseUnusedMembers(group->getMembers());
  return success();
}

/// Divisions, roots and contractions need not round as IEEE 754 says: 2 units in the last place
/// are good enough, and cost a tenth.
static void allowApproximation(gpu::GPUFuncOp function) {
  using arith::FastMathFlags;
  function.walk([](arith::ArithFastMathInterface op) {
    Type type = getElementTypeOrSelf(op->getResult(0).getType());
    if (!type.isF32() && !type.isBF16())
      return;
    FastMathFlags flags = FastMathFlags::contract;
    if (arith::FastMathFlagsAttr given = op.getFastMathFlagsAttr())
      flags = flags | given.getValue();
    if (isa<arith::DivFOp, math::SqrtOp, math::RsqrtOp>(op))
      flags = flags | FastMathFlags::afn;
    op->setAttr(op.getFastMathAttrName(), arith::FastMathFlagsAttr::get(op.getContext(), flags));
  });
}

namespace {
struct LowerKernelsToGpu : tpc::impl::LowerKernelsToGpuBase<LowerKernelsToGpu> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    auto kernels = gpu::GPUModuleOp::create(builder, module.getLoc(), GpuKernelInfo::kModule);
    for (func::FuncOp group : KernelGroup::getGroups(module))
      if (failed(writeGroup(kernels, group)))
        return signalPassFailure();
    for (auto kernel : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (!kernel->hasAttr(TPCDialect::kKernel))
        continue;
      FailureOr<KernelPlan> plan = KernelPlan::get(kernel);
      if (failed(plan) || failed(KernelWriter(kernels, kernel, *plan).run()))
        return signalPassFailure();
      kernel.erase();
    }
    kernels.walk(allowApproximation);
    if (kernels.getBody()->empty())
      kernels.erase();
  }
};
} // namespace
