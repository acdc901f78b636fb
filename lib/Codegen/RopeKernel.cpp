//===- RopeKernel.cpp - rotary position embedding and its tables ---------------===//

#include "RopeKernel.h"
#include "CpuKernelEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tpc;

void tpc::emitRotation(KernelEmitter &emitter, RopeOp op, const RotationPlace &place, Value mask) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  auto load = [&](Value value, Value index) {
    auto number = cast<BlockArgument>(value).getArgNumber();
    return emitter.widen(emitter.loadVector(emitter.getArgumentPointer(number),
                                            getElementTypeOrSelf(value.getType()), index, mask));
  };
  auto mul = [&](Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); };
  Value x1 = load(op.getInput(), place.low), x2 = load(op.getInput(), place.high);
  Value cos = load(op.getCos(), place.table), sin = load(op.getSin(), place.table);
  Value y1, y2;
  if (op.getInverse()) {
    y1 = arith::AddFOp::create(builder, loc, mul(x1, cos), mul(x2, sin));
    y2 = arith::SubFOp::create(builder, loc, mul(x2, cos), mul(x1, sin));
  } else {
    y1 = arith::SubFOp::create(builder, loc, mul(x1, cos), mul(x2, sin));
    y2 = arith::AddFOp::create(builder, loc, mul(x2, cos), mul(x1, sin));
  }
  Type element = getElementTypeOrSelf(op.getResult().getType());
  Value result = emitter.getResultPointer(0);
  emitter.storeVector(emitter.narrow(y1, element), result, place.low, mask);
  emitter.storeVector(emitter.narrow(y2, element), result, place.high, mask);
}

RopeShape RopeShape::get(RopeOp op) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  RopeShape shape{type.getDimSize(0), type.getDimSize(1), 1, type.getShape().back() / 2};
  for (int64_t size : type.getShape().drop_front(2).drop_back())
    shape.heads *= size;
  return shape;
}

LogicalResult tpc::emitRopeKernel(CpuKernelEmitter &emitter, RopeOp op) {
  RopeShape shape = RopeShape::get(op);
  int64_t width = 2 * shape.half;
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value iteration) {
    Value position = emitter.rem(iteration, emitter.integer(shape.positions));
    Value table = emitter.mul(position, emitter.integer(shape.half));
    Value first = emitter.mul(iteration, emitter.integer(shape.heads * width));
    emitter.forEach(emitter.integer(0), emitter.integer(shape.heads), 1, [&](Value head) {
      Value start = emitter.add(first, emitter.mul(head, emitter.integer(width)));
      emitter.forVectors(shape.half, [&](Value index, Value mask) {
        Value low = emitter.add(start, index);
        Value high = emitter.add(low, emitter.integer(shape.half));
        emitRotation(emitter, op, {low, high, emitter.add(table, index)}, mask);
      });
    });
  });
  return success();
}

//===-- tables -----------------------------------------------------------------===//

/// The frequencies as constant data beside the function.
static Value getFrequencies(KernelEmitter &emitter, RopeTableOp op) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  std::string name = emitter.getKernel().getName().str() + "_frequencies";
  ArrayRef<double> values = op.getFrequencies();
  auto data = DenseElementsAttr::get(
      RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getF64Type()), values);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(emitter.getFunction());
    LLVM::GlobalOp::create(
        builder, loc, LLVM::LLVMArrayType::get(builder.getF64Type(), values.size()),
        /*isConstant=*/true, LLVM::Linkage::Private, name, data, /*alignment=*/8);
  }
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()),
                                   name);
}

RopeTable::RopeTable(KernelEmitter &emitter, RopeTableOp op)
    : emitter(emitter), op(op), frequencies(getFrequencies(emitter, op)),
      first(op.getFirst() ? emitter.loadIndex(0) : emitter.integer(0)) {}

/// In float64: at position 100,000 float32 angles would be off by 0.004.
void RopeTable::emitEntry(Value row, Value column) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type f64 = builder.getF64Type(), element = getElementTypeOrSelf(op.getCos().getType());
  auto scale = builder.getF64FloatAttr(op.getScale().convertToDouble());
  Value position = arith::SIToFPOp::create(builder, loc, f64, emitter.add(first, row));
  Value frequency = emitter.loadScalar(frequencies, f64, column);
  Value angle = arith::MulFOp::create(builder, loc, position, frequency);
  Value count = emitter.integer(op.getFrequencies().size());
  Value index = emitter.add(emitter.mul(row, count), column);
  for (auto [number, result] :
       llvm::enumerate(emitter.getKernel().getBody().front().getTerminator()->getOperands())) {
    Value entry = result == op.getCos() ? math::CosOp::create(builder, loc, angle).getResult()
                                        : math::SinOp::create(builder, loc, angle).getResult();
    entry =
        arith::MulFOp::create(builder, loc, entry, arith::ConstantOp::create(builder, loc, scale));
    if (element != f64)
      entry = arith::TruncFOp::create(builder, loc, element, entry);
    emitter.storeScalar(entry, emitter.getResultPointer(number), index);
  }
}

LogicalResult tpc::emitRopeTableKernel(CpuKernelEmitter &emitter, RopeTableOp op) {
  RopeTable table(emitter, op);
  Value count = emitter.integer(op.getFrequencies().size());
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value row) {
    emitter.forEach(emitter.integer(0), count, 1,
                    [&](Value column) { table.emitEntry(row, column); });
  });
  return success();
}
