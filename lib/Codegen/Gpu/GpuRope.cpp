//===- GpuRope.cpp - rotary position embedding and its tables ------------------===//

#include "../RopeKernel.h"
#include "GpuKernelEmitter.h"

using namespace mlir;
using namespace tpc;

VectorGeometry tpc::getRopeGeometry(func::FuncOp kernel, RopeOp op) {
  RopeShape shape = RopeShape::get(op);
  int64_t lanes = getGpuLanes(kernel, shape.half);
  return VectorGeometry::get(shape.batch * shape.positions * shape.heads * shape.half / lanes,
                             lanes);
}

/// A thread rotates one vector of a head's lower half with its partner.
void tpc::emitGpuRope(GpuKernelEmitter &emitter, RopeOp op, const VectorGeometry &geometry) {
  RopeShape shape = RopeShape::get(op);
  Value half = emitter.integer(shape.half), perHead = emitter.integer(shape.half / geometry.lanes);
  forEachVector(emitter, geometry, [&](Value vector) {
    Value head = emitter.div(vector, perHead);
    Value index = emitter.mul(emitter.rem(vector, perHead), emitter.integer(geometry.lanes));
    Value position = emitter.rem(emitter.div(head, emitter.integer(shape.heads)),
                                 emitter.integer(shape.positions));
    Value low = emitter.add(emitter.mul(head, emitter.integer(2 * shape.half)), index);
    Value table = emitter.add(emitter.mul(position, half), index);
    emitRotation(emitter, op, {low, emitter.add(low, half), table}, {});
  });
}

VectorGeometry tpc::getRopeTableGeometry(RopeTableOp op) {
  auto type = cast<RankedTensorType>(op.getCos().getType());
  return VectorGeometry::get(type.getNumElements(), /*lanes=*/1);
}

void tpc::emitGpuRopeTable(GpuKernelEmitter &emitter, RopeTableOp op,
                           const VectorGeometry &geometry) {
  RopeTable table(emitter, op);
  Value count = emitter.integer(op.getFrequencies().size());
  forEachVector(emitter, geometry, [&](Value entry) {
    table.emitEntry(emitter.div(entry, count), emitter.rem(entry, count));
  });
}
