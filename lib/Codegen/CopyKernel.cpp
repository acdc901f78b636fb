//===- CopyKernel.cpp - transposes, slices, concatenations, broadcasts ---------===//
//
// Iterations are the result's elements but for the last dimension; a box takes part in those that
// it covers. A transpose of the last two dimensions goes by tiles: a source line is read once, not
// once per element.
//
//===----------------------------------------------------------------------===//

#include "CopyBoxes.h"
#include "CpuKernelEmitter.h"

using namespace mlir;
using namespace tpc;

/// Rows and columns of a transpose's tile: a cache line of float32 each way.
static constexpr int64_t kTile = 16;

namespace {
/// A box with its offsets as values.
struct Box {
  Value pointer;                ///< of the source
  SmallVector<Value> offsets;   ///< in the result, i64, per dimension
  SmallVector<int64_t> sizes;   ///< in the result
  SmallVector<int64_t> strides; ///< in the source, elements
  Value start;                  ///< in the source, elements
};

class CopyEmitter {
public:
  CopyEmitter(CpuKernelEmitter &emitter, Operation *op)
      : emitter(emitter), builder(emitter.getBuilder()), loc(emitter.getLoc()),
        type(cast<RankedTensorType>(op->getResult(0).getType())) {}

  void addBox(const CopyBox &box);
  void emit();

private:
  void emitRow(const Box &box, ArrayRef<Value> indices, Value row);
  void emitCovered(const Box &box, ArrayRef<Value> indices, Value row);
  /// Whether consecutive rows of the result lie side by side in the only source.
  bool isTransposeOfLastTwo() const;
  void emitTiles();
  void emitTile(Value from, Value to, Value rows, Value columns);
  Value min(Value a, Value b) { return arith::MinSIOp::create(builder, loc, a, b); }
  bool isWhole(const Box &box, int64_t dim) const { return box.sizes[dim] == type.getDimSize(dim); }

  CpuKernelEmitter &emitter;
  OpBuilder &builder;
  Location loc;
  RankedTensorType type;
  SmallVector<Box> boxes; ///< later ones overwrite earlier ones
};
} // namespace

void CopyEmitter::addBox(const CopyBox &box) {
  Value start = emitter.integer(0);
  for (auto [offset, stride] : llvm::zip_equal(box.sourceOffsets, box.strides))
    start = emitter.add(start, emitter.mul(getOffset(emitter, offset), emitter.integer(stride)));
  auto offsets = llvm::map_to_vector(
      box.offsets, [&](OpFoldResult offset) { return getOffset(emitter, offset); });
  boxes.push_back({emitter.getArgumentPointer(box.source.getArgNumber()), offsets, box.sizes,
                   box.strides, start});
}

/// The last dimension of a box at `indices` (all others, in the result), to the result's row.
void CopyEmitter::emitRow(const Box &box, ArrayRef<Value> indices, Value row) {
  int64_t last = type.getRank() - 1;
  Value from = box.start, pointer = box.pointer;
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
  emitter.doIf(covered, [&] { emitRow(box, indices, row); });
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
  Value pointer = boxes.front().pointer, result = emitter.getResultPointer(0);
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
    for (auto [dim, index] :
         llvm::enumerate(getIndices(emitter, slab, type.getShape().take_front(last - 1))))
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
    SmallVector<Value> indices = getIndices(emitter, row, type.getShape().drop_back());
    for (const Box &box : boxes)
      emitCovered(box, indices, row);
  });
}

LogicalResult tpc::emitCopyKernel(CpuKernelEmitter &emitter, Operation *op) {
  FailureOr<std::vector<CopyBox>> boxes = getCopyBoxes(op);
  if (failed(boxes))
    return failure();
  CopyEmitter copy(emitter, op);
  for (const CopyBox &box : *boxes)
    copy.addBox(box);
  copy.emit();
  return success();
}
