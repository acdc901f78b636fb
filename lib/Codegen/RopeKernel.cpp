//===- RopeKernel.cpp - rotary position embedding and its tables ---------------===//

#include "KernelEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tpc;

namespace {
/// The halves of one head, rotated.
class Rotation {
public:
  Rotation(KernelEmitter &emitter, RopeOp op) : emitter(emitter), op(op) {}
  /// `head` and `table` are the positions of the head's first element and of the table's row.
  void emit(Value head, Value table, int64_t half);

private:
  Value load(Value value, Value index, Value mask) {
    auto number = cast<BlockArgument>(value).getArgNumber();
    return emitter.widen(emitter.loadVector(emitter.getArgumentPointer(number),
                                            getElementTypeOrSelf(value.getType()), index, mask));
  }
  void store(Value vector, Value index, Value mask) {
    Type element = getElementTypeOrSelf(op.getResult().getType());
    emitter.storeVector(emitter.narrow(vector, element), emitter.getResultPointer(0), index, mask);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(emitter.getBuilder(), emitter.getLoc(), a, b);
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(emitter.getBuilder(), emitter.getLoc(), a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(emitter.getBuilder(), emitter.getLoc(), a, b);
  }

  KernelEmitter &emitter;
  RopeOp op;
};
} // namespace

void Rotation::emit(Value head, Value table, int64_t half) {
  emitter.forVectors(half, [&](Value index, Value mask) {
    Value low = emitter.add(head, index), high = emitter.add(low, emitter.integer(half));
    Value row = emitter.add(table, index);
    Value x1 = load(op.getInput(), low, mask), x2 = load(op.getInput(), high, mask);
    Value cos = load(op.getCos(), row, mask), sin = load(op.getSin(), row, mask);
    Value y1, y2;
    if (op.getInverse()) {
      y1 = add(mul(x1, cos), mul(x2, sin));
      y2 = sub(mul(x2, cos), mul(x1, sin));
    } else {
      y1 = sub(mul(x1, cos), mul(x2, sin));
      y2 = add(mul(x2, cos), mul(x1, sin));
    }
    store(y1, low, mask);
    store(y2, high, mask);
  });
}

LogicalResult tpc::emitRopeKernel(KernelEmitter &emitter, RopeOp op) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t width = type.getShape().back(), half = width / 2, positions = type.getDimSize(1);
  int64_t heads = 1;
  for (int64_t size : type.getShape().drop_front(2).drop_back())
    heads *= size;
  Rotation rotation(emitter, op);
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value iteration) {
    Value table =
        emitter.mul(emitter.rem(iteration, emitter.integer(positions)), emitter.integer(half));
    Value first = emitter.mul(iteration, emitter.integer(heads * width));
    emitter.forEach(emitter.integer(0), emitter.integer(heads), 1, [&](Value head) {
      rotation.emit(emitter.add(first, emitter.mul(head, emitter.integer(width))), table, half);
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

/// In float64: at position 100,000 float32 angles would be off by 0.004.
LogicalResult tpc::emitRopeTableKernel(KernelEmitter &emitter, RopeTableOp op) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type f64 = builder.getF64Type(), element = getElementTypeOrSelf(op.getCos().getType());
  Value frequencies = getFrequencies(emitter, op),
        first = op.getFirst() ? emitter.loadIndex(0) : emitter.integer(0);
  Value scale = arith::ConstantOp::create(builder, loc,
                                          builder.getF64FloatAttr(op.getScale().convertToDouble()));
  int64_t count = op.getFrequencies().size();
  auto store = [&](Value value, unsigned result, Value index) {
    Value scaled = arith::MulFOp::create(builder, loc, value, scale);
    if (element != f64)
      scaled = arith::TruncFOp::create(builder, loc, element, scaled);
    emitter.storeScalar(scaled, emitter.getResultPointer(result), index);
  };
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value row) {
    Value position = arith::SIToFPOp::create(builder, loc, f64, emitter.add(first, row));
    emitter.forEach(emitter.integer(0), emitter.integer(count), 1, [&](Value column) {
      Value angle = arith::MulFOp::create(builder, loc, position,
                                          emitter.loadScalar(frequencies, f64, column));
      Value index = emitter.add(emitter.mul(row, emitter.integer(count)), column);
      for (auto [number, result] :
           llvm::enumerate(emitter.getKernel().getBody().front().getTerminator()->getOperands()))
        store(result == op.getCos() ? math::CosOp::create(builder, loc, angle).getResult()
                                    : math::SinOp::create(builder, loc, angle).getResult(),
              number, index);
    });
  });
  return success();
}
