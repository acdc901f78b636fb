//===- GpuElements.cpp - elementwise kernels: a thread per vector --------------===//

#include "../GridExpressions.h"
#include "GpuKernelEmitter.h"

using namespace mlir;
using namespace tpc;

void tpc::forEachVector(GpuKernelEmitter &emitter, const VectorGeometry &geometry,
                        llvm::function_ref<void(Value)> body) {
  Value first = emitter.mul(emitter.getBlock(), emitter.integer(geometry.threads));
  Value vector = emitter.add(first, emitter.getThread());
  if (geometry.vectors % geometry.threads == 0)
    return body(vector);
  Value inside =
      emitter.compare(arith::CmpIPredicate::slt, vector, emitter.integer(geometry.vectors));
  emitter.doIf(inside, [&] { body(vector); });
}

void tpc::emitGpuVector(GpuKernelEmitter &emitter, const KernelPlan &plan, Value vector) {
  GridExpressions expressions(emitter, plan);
  GridRow row;
  GridPoint point{row, emitter.mul(vector, emitter.integer(emitter.getLanes())), Value()};
  expressions.storeResults(plan.phases.front(), point);
}

void tpc::emitGpuElements(GpuKernelEmitter &emitter, const KernelPlan &plan,
                          const VectorGeometry &geometry) {
  forEachVector(emitter, geometry, [&](Value vector) { emitGpuVector(emitter, plan, vector); });
}
