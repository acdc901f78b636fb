//===- GpuGroup.cpp - groups of kernels: a block finds its member in a table ---===//

#include "GpuKernelEmitter.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace tpc;

/// The member whose blocks hold this one, by bisection: the last that begins at or before it.
static Value findMember(GpuKernelEmitter &emitter, Value firstBlocks, int64_t slots) {
  Value member = emitter.integer(0);
  for (int64_t step = slots / 2; step; step /= 2) {
    Value candidate = emitter.add(member, emitter.integer(step));
    Value first = emitter.loadScalar(firstBlocks, emitter.getBuilder().getI64Type(), candidate);
    Value reached = emitter.compare(arith::CmpIPredicate::sge, emitter.getBlock(), first);
    member = emitter.select(reached, candidate, member);
  }
  return member;
}

/// From the table of pointers that is the kernel's parameter.
static SmallVector<Value> loadPointers(GpuKernelEmitter &emitter, const GroupGeometry &geometry,
                                       Value table, Value member) {
  OpBuilder &builder = emitter.getBuilder();
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext(), /*addressSpace=*/1);
  return llvm::map_to_vector(geometry.positions, [&](KernelGroup::Position position) -> Value {
    Value distance = emitter.mul(member, emitter.integer(position.stride));
    Value index = emitter.add(emitter.integer(position.first), distance);
    Value address = LLVM::GEPOp::create(builder, emitter.getLoc(), table.getType(), pointer, table,
                                        ValueRange{index}, LLVM::GEPNoWrapFlags::inbounds);
    return LLVM::LoadOp::create(builder, emitter.getLoc(), pointer, address, /*alignment=*/8);
  });
}

void tpc::emitGpuGroup(GpuKernelEmitter &emitter, const KernelPlan &plan,
                       const GroupGeometry &geometry) {
  Type integer = emitter.getBuilder().getI64Type();
  int64_t members = geometry.counts.size(), slots = llvm::PowerOf2Ceil(members);
  auto firsts = llvm::to_vector(ArrayRef(geometry.firstBlocks).take_front(members));
  firsts.resize(slots, std::numeric_limits<int64_t>::max());
  Value firstBlocks = emitter.addTable("_first_blocks", firsts);
  Value counts = emitter.addTable("_counts", geometry.counts);
  Value member = findMember(emitter, firstBlocks, slots);
  Value count = emitter.loadScalar(counts, integer, member);
  Value block = emitter.sub(emitter.getBlock(), emitter.loadScalar(firstBlocks, integer, member));
  emitter.use(loadPointers(emitter, geometry, emitter.getArgumentPointer(0), member), block);
  if (geometry.loop == KernelLoop::Rows)
    return emitGpuRows(emitter, plan, geometry.rows, count);
  Value first = emitter.mul(block, emitter.integer(geometry.vectors.threads));
  Value vector = emitter.add(first, emitter.getThread());
  emitter.doIf(emitter.compare(arith::CmpIPredicate::slt, vector, count),
               [&] { emitGpuVector(emitter, plan, vector); });
}
