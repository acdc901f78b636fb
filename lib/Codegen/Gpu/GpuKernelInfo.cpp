//===- GpuKernelInfo.cpp -------------------------------------------------------===//

#include "tpc/Codegen/GpuKernelInfo.h"
#include "GpuGeometry.h"

using namespace mlir;
using namespace tpc;

GpuKernelInfo GpuKernelInfo::get(gpu::GPUFuncOp kernel) {
  GpuKernelInfo info;
  if (auto grid = kernel->getAttrOfType<DictionaryAttr>(kGrid)) {
    info.blocks = grid.getAs<IntegerAttr>("blocks").getInt();
    info.threads = grid.getAs<IntegerAttr>("threads").getInt();
  }
  if (auto bytes = kernel->getAttrOfType<IntegerAttr>(kWorkspace))
    info.workspaceBytes = bytes.getInt();
  info.finish = kernel->getAttrOfType<FlatSymbolRefAttr>(kFinish);
  return info;
}

void GpuKernelInfo::attachTo(gpu::GPUFuncOp kernel) const {
  Builder builder(kernel.getContext());
  kernel->setAttr(kGrid,
                  builder.getDictionaryAttr(
                      {builder.getNamedAttr("blocks", builder.getI64IntegerAttr(blocks)),
                       builder.getNamedAttr("threads", builder.getI64IntegerAttr(threads))}));
  if (workspaceBytes)
    kernel->setAttr(kWorkspace, builder.getI64IntegerAttr(workspaceBytes));
  if (finish)
    kernel->setAttr(kFinish, finish);
}

gpu::GPUFuncOp tpc::lookupGpuKernel(ModuleOp module, StringRef name) {
  auto kernels = module.lookupSymbol<gpu::GPUModuleOp>(GpuKernelInfo::kModule);
  return kernels ? kernels.lookupSymbol<gpu::GPUFuncOp>(name) : gpu::GPUFuncOp();
}

FailureOr<int64_t> tpc::getGpuWorkspaceBytes(func::FuncOp kernel) {
  if (KernelGroup::isGroup(kernel))
    return 0;
  FailureOr<KernelPlan> plan = KernelPlan::get(kernel);
  if (failed(plan))
    return failure();
  return plan->loop == KernelLoop::Columns ? ColumnGeometry::get(kernel, *plan).getWorkspaceBytes()
                                           : 0;
}
