//===- GroupLoops.cpp - groups of kernels as a loop over their members ---------===//

#include "CpuKernelEmitter.h"

using namespace mlir;
using namespace tpc;

/// Each member that has iterations in [begin, end) computes its part of them.
LogicalResult tpc::emitGroup(CpuKernelEmitter &emitter, const KernelGroup &group,
                             llvm::function_ref<LogicalResult()> emitMember) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  SmallVector<int64_t> firsts{0};
  for (func::FuncOp member : group.getMembers())
    firsts.push_back(firsts.back() + KernelInfo::get(member).extent);
  Value table = emitter.addTable("_first", firsts), begin = emitter.getBegin(),
        end = emitter.getEnd(), count = emitter.integer(group.getMembers().size());
  LogicalResult result = success();
  emitter.forEach(emitter.integer(0), count, 1, [&](Value member) {
    Type index = builder.getI64Type();
    Value first = emitter.loadScalar(table, index, member);
    Value next = emitter.loadScalar(table, index, emitter.add(member, emitter.integer(1)));
    Value low = arith::MaxSIOp::create(builder, loc, begin, first);
    Value high = arith::MinSIOp::create(builder, loc, end, next);
    emitter.doIf(emitter.compare(arith::CmpIPredicate::slt, low, high), [&] {
      emitter.setRange(emitter.sub(low, first), emitter.sub(high, first));
      emitter.loadPointers([&](unsigned number) {
        KernelGroup::Position position = group.getPositions()[number];
        Value distance = emitter.mul(member, emitter.integer(position.stride));
        return emitter.add(emitter.integer(position.first), distance);
      });
      result = emitMember();
    });
  });
  return result;
}
