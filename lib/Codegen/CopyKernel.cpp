//===- CopyKernel.cpp - transposes, slices, concatenations, broadcasts ---------===//
//
// All of them copy boxes: result[box.offset + i] = source[start + sum of i[d] * stride[d]] for i in
// box.size. Iterations are the result's elements but for the last dimension; a box takes part in
// those that it covers. A transpose of the last two dimensions goes by tiles: a source line is read
// once, not once per element.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tpc;

/// Rows and columns of a transpose's tile: a cache line of float32 each way.
static constexpr int64_t kTile = 16;

namespace {
struct Box {
  Value source;                 ///< tensor of the kernel: an argument
  SmallVector<Value> offsets;   ///< in the result, i64, per dimension
  SmallVector<int64_t> sizes;   ///< in the result
  SmallVector<int64_t> strides; ///< in the source, elements
  Value start;                  ///< in the source, elements
};

class CopyEmitter {
public:
  CopyEmitter(KernelEmitter &emitter, Operation *op)
      : emitter(emitter), builder(emitter.getBuilder()), loc(emitter.getLoc()),
        type(cast<RankedTensorType>(op->getResult(0).getType())) {}

  LogicalResult collect(Operation *op);
  void emit();

private:
  void addBox(Value source, ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides,
              ArrayRef<Value> offsets, Value start) {
    boxes.push_back({source, llvm::to_vector(offsets), llvm::to_vector(sizes),
                     llvm::to_vector(strides), start});
  }
  SmallVector<Value> getOffsets(OffsetSizeAndStrideOpInterface slice);
  SmallVector<Value> getZeros() { return SmallVector<Value>(type.getRank(), emitter.integer(0)); }
  void emitRow(const Box &box, ArrayRef<Value> indices, Value row);
  void emitCovered(const Box &box, ArrayRef<Value> indices, Value row);
  /// Whether consecutive rows of the result lie side by side in the only source.
  bool isTransposeOfLastTwo() const;
  void emitTiles();
  void emitTile(Value from, Value to, Value rows, Value columns);
  SmallVector<Value> getIndices(Value position, int64_t dims);
  Value min(Value a, Value b) { return arith::MinSIOp::create(builder, loc, a, b); }
  bool isWhole(const Box &box, int64_t dim) const { return box.sizes[dim] == type.getDimSize(dim); }

  KernelEmitter &emitter;
  OpBuilder &builder;
  Location loc;
  RankedTensorType type;
  SmallVector<Box> boxes; ///< later ones overwrite earlier ones
};
} // namespace

static SmallVector<int64_t> getStrides(Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

static ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Offsets of a slice; one that is not static is an index operand of the kernel.
SmallVector<Value> CopyEmitter::getOffsets(OffsetSizeAndStrideOpInterface slice) {
  SmallVector<Value> offsets;
  for (OpFoldResult offset : slice.getMixedOffsets()) {
    auto value = dyn_cast<Value>(offset);
    offsets.push_back(value ? emitter.loadIndex(cast<BlockArgument>(value).getArgNumber())
                            : emitter.integer(cast<IntegerAttr>(cast<Attribute>(offset)).getInt()));
  }
  return offsets;
}

LogicalResult CopyEmitter::collect(Operation *op) {
  Value zero = emitter.integer(0);
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    SmallVector<int64_t> strides, inputStrides = getStrides(transpose.getInput());
    for (int64_t dim : transpose.getPermutation())
      strides.push_back(inputStrides[dim]);
    addBox(transpose.getInput(), type.getShape(), strides, getZeros(), zero);
  } else if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    SmallVector<int64_t> strides(type.getRank(), 0),
        inputStrides = getStrides(broadcast.getInput());
    for (auto [index, dim] : llvm::enumerate(broadcast.getDims()))
      strides[dim] = inputStrides[index];
    addBox(broadcast.getInput(), type.getShape(), strides, getZeros(), zero);
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    SmallVector<int64_t> strides = getStrides(slice.getSource());
    Value start = zero;
    for (auto [offset, stride] : llvm::zip_equal(getOffsets(slice), strides))
      start = emitter.add(start, emitter.mul(offset, emitter.integer(stride)));
    addBox(slice.getSource(), type.getShape(), strides, getZeros(), start);
  } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    addBox(insert.getDest(), type.getShape(), getStrides(insert.getDest()), getZeros(), zero);
    addBox(insert.getSource(), getShape(insert.getSource()), getStrides(insert.getSource()),
           getOffsets(insert), zero);
  } else if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    int64_t position = 0;
    for (Value input : concat.getInputs()) {
      SmallVector<Value> offsets = getZeros();
      offsets[concat.getDim()] = emitter.integer(position);
      addBox(input, getShape(input), getStrides(input), offsets, zero);
      position += getShape(input)[concat.getDim()];
    }
  } else {
    return op->emitOpError("is not a copy");
  }
  return success();
}

/// The last dimension of a box at `indices` (all others, in the result), to the result's row.
void CopyEmitter::emitRow(const Box &box, ArrayRef<Value> indices, Value row) {
  int64_t last = type.getRank() - 1;
  Value from = box.start,
        pointer = emitter.getArgumentPointer(cast<BlockArgument>(box.source).getArgNumber());
  for (int64_t dim = 0; dim < last; ++dim)
    from = emitter.add(from, emitter.mul(emitter.sub(indices[dim], box.offsets[dim]),
                                         emitter.integer(box.strides[dim])));
  Value to =
      emitter.add(emitter.mul(row, emitter.integer(type.getDimSize(last))), box.offsets[last]);
  Value result = emitter.getResultPointer(0);
  Type element = type.getElementType();
  if (box.strides[last] == 1 || box.strides[last] == 0) {
    Value repeated =
        box.strides[last] ? Value() : emitter.splat(emitter.loadScalar(pointer, element, from));
    emitter.forVectors(box.sizes[last], [&](Value index, Value mask) {
      Value vector = repeated
                         ? repeated
                         : emitter.loadVector(pointer, element, emitter.add(from, index), mask);
      emitter.storeVector(vector, result, emitter.add(to, index), mask);
    });
    return;
  }
  emitter.forEach(emitter.integer(0), emitter.integer(box.sizes[last]), 1, [&](Value index) {
    Value position = emitter.add(from, emitter.mul(index, emitter.integer(box.strides[last])));
    emitter.storeScalar(emitter.loadScalar(pointer, element, position), result,
                        emitter.add(to, index));
  });
}

/// emitRow where the box covers `indices`.
void CopyEmitter::emitCovered(const Box &box, ArrayRef<Value> indices, Value row) {
  Value covered;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    if (isWhole(box, dim))
      continue;
    Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                         emitter.sub(index, box.offsets[dim]),
                                         emitter.integer(box.sizes[dim]));
    covered = covered ? arith::AndIOp::create(builder, loc, covered, inside).getResult() : inside;
  }
  if (!covered)
    return emitRow(box, indices, row);
  auto branch = scf::IfOp::create(builder, loc, covered, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  emitRow(box, indices, row);
}

/// A row-major position in the result's first `dims` dimensions as one index each.
SmallVector<Value> CopyEmitter::getIndices(Value position, int64_t dims) {
  SmallVector<Value> indices(dims);
  for (int64_t dim = dims - 1; dim >= 0; --dim) {
    Value size = emitter.integer(type.getDimSize(dim));
    indices[dim] = dim ? emitter.rem(position, size) : position;
    position = dim ? emitter.div(position, size) : position;
  }
  return indices;
}

bool CopyEmitter::isTransposeOfLastTwo() const {
  int64_t rank = type.getRank();
  if (boxes.size() != 1 || rank < 2)
    return false;
  ArrayRef<int64_t> strides = boxes.front().strides;
  return strides[rank - 2] == 1 && strides[rank - 1] > 1;
}

/// `rows` x `columns` elements; `from` and `to` are the positions of the first.
void CopyEmitter::emitTile(Value from, Value to, Value rows, Value columns) {
  int64_t last = type.getRank() - 1;
  unsigned argument = cast<BlockArgument>(boxes.front().source).getArgNumber();
  Value pointer = emitter.getArgumentPointer(argument), result = emitter.getResultPointer(0);
  Value stride = emitter.integer(boxes.front().strides[last]);
  Value length = emitter.integer(type.getDimSize(last)), zero = emitter.integer(0);
  emitter.forEach(zero, rows, 1, [&](Value row) {
    Value source = emitter.add(from, row), target = emitter.add(to, emitter.mul(row, length));
    emitter.forEach(zero, columns, 1, [&](Value column) {
      Value position = emitter.add(source, emitter.mul(column, stride));
      Value value = emitter.loadScalar(pointer, type.getElementType(), position);
      emitter.storeScalar(value, result, emitter.add(target, column));
    });
  });
}

/// Iterations are rows; those of one slab (equal indices but for the last two) make tiles together.
void CopyEmitter::emitTiles() {
  int64_t last = type.getRank() - 1, height = type.getDimSize(last - 1);
  const Box &box = boxes.front();
  Value begin = emitter.getBegin(), end = emitter.getEnd(), zero = emitter.integer(0);
  Value rows = emitter.integer(height), width = emitter.integer(type.getDimSize(last));
  Value lastSlab = emitter.div(emitter.add(end, emitter.integer(height - 1)), rows);
  emitter.forEach(emitter.div(begin, rows), lastSlab, 1, [&](Value slab) {
    Value start = box.start, first = emitter.mul(slab, rows);
    for (auto [dim, index] : llvm::enumerate(getIndices(slab, last - 1)))
      start = emitter.add(start, emitter.mul(index, emitter.integer(box.strides[dim])));
    Value low = emitter.sub(arith::MaxSIOp::create(builder, loc, begin, first), first);
    Value high = emitter.sub(min(end, emitter.add(first, rows)), first);
    emitter.forEach(low, high, kTile, [&](Value row) {
      Value count = min(emitter.sub(high, row), emitter.integer(kTile));
      Value target = emitter.mul(emitter.add(first, row), width);
      emitter.forEach(zero, width, kTile, [&](Value column) {
        Value from = emitter.add(emitter.add(start, row),
                                 emitter.mul(column, emitter.integer(box.strides[last])));
        Value columns = min(emitter.sub(width, column), emitter.integer(kTile));
        emitTile(from, emitter.add(target, column), count, columns);
      });
    });
  });
}

void CopyEmitter::emit() {
  if (isTransposeOfLastTwo())
    return emitTiles();
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value row) {
    SmallVector<Value> indices = getIndices(row, type.getRank() - 1);
    for (const Box &box : boxes)
      emitCovered(box, indices, row);
  });
}

LogicalResult tpc::emitCopyKernel(KernelEmitter &emitter, Operation *op) {
  if (!cast<RankedTensorType>(op->getResult(0).getType()).getRank())
    return op->emitOpError("expects a result of rank 1 or more in a kernel");
  CopyEmitter copy(emitter, op);
  if (failed(copy.collect(op)))
    return failure();
  copy.emit();
  return success();
}
