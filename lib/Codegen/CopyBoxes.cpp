//===- CopyBoxes.cpp -----------------------------------------------------------===//

#include "CopyBoxes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tpc;

static ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static SmallVector<int64_t> getStrides(Value value) {
  ArrayRef<int64_t> shape = getShape(value);
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

/// All of `source` at the result's origin, in the order of its own dimensions.
static CopyBox getWhole(Value source) {
  CopyBox box{
      cast<BlockArgument>(source), {}, llvm::to_vector(getShape(source)), {}, getStrides(source)};
  OpFoldResult zero = Builder(source.getContext()).getIndexAttr(0);
  box.offsets.assign(box.sizes.size(), zero);
  box.sourceOffsets = box.offsets;
  return box;
}

/// The result's shape, each dimension with its stride in the source.
static CopyBox getStrided(Operation *op, Value source, ArrayRef<int64_t> strides) {
  CopyBox box = getWhole(source);
  box.sizes = llvm::to_vector(getShape(op->getResult(0)));
  box.strides = llvm::to_vector(strides);
  OpFoldResult zero = Builder(op->getContext()).getIndexAttr(0);
  box.offsets.assign(box.sizes.size(), zero);
  box.sourceOffsets = box.offsets;
  return box;
}

static CopyBox getTransposed(TransposeOp op) {
  SmallVector<int64_t> strides, input = getStrides(op.getInput());
  for (int64_t dim : op.getPermutation())
    strides.push_back(input[dim]);
  return getStrided(op, op.getInput(), strides);
}

static CopyBox getRepeated(BroadcastOp op) {
  SmallVector<int64_t> input = getStrides(op.getInput());
  SmallVector<int64_t> strides(getShape(op.getResult()).size(), 0);
  for (auto [index, dim] : llvm::enumerate(op.getDims()))
    strides[dim] = input[index];
  return getStrided(op, op.getInput(), strides);
}

static std::vector<CopyBox> getJoined(tensor::ConcatOp op) {
  std::vector<CopyBox> boxes;
  int64_t position = 0;
  for (Value input : op.getInputs()) {
    CopyBox box = getWhole(input);
    box.offsets[op.getDim()] = Builder(op.getContext()).getIndexAttr(position);
    position += box.sizes[op.getDim()];
    boxes.push_back(std::move(box));
  }
  return boxes;
}

FailureOr<std::vector<CopyBox>> tpc::getCopyBoxes(Operation *op) {
  if (getShape(op->getResult(0)).empty())
    return op->emitOpError("expects a result of rank 1 or more in a kernel");
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return std::vector<CopyBox>{getTransposed(transpose)};
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return std::vector<CopyBox>{getRepeated(broadcast)};
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    return getJoined(concat);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    CopyBox box = getStrided(op, slice.getSource(), getStrides(slice.getSource()));
    box.sourceOffsets = slice.getMixedOffsets();
    return std::vector<CopyBox>{std::move(box)};
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    CopyBox inserted = getWhole(insert.getSource());
    inserted.offsets = insert.getMixedOffsets();
    return std::vector<CopyBox>{getWhole(insert.getDest()), std::move(inserted)};
  }
  return op->emitOpError("is not a copy");
}

Value tpc::getOffset(KernelEmitter &emitter, OpFoldResult offset) {
  if (auto value = dyn_cast<Value>(offset))
    return emitter.loadIndex(cast<BlockArgument>(value).getArgNumber());
  return emitter.integer(cast<IntegerAttr>(cast<Attribute>(offset)).getInt());
}

SmallVector<Value> tpc::getIndices(KernelEmitter &emitter, Value position,
                                   ArrayRef<int64_t> sizes) {
  SmallVector<Value> indices(sizes.size());
  for (int64_t dim = static_cast<int64_t>(sizes.size()) - 1; dim >= 0; --dim) {
    Value size = emitter.integer(sizes[dim]);
    indices[dim] = dim ? emitter.rem(position, size) : position;
    position = dim ? emitter.div(position, size) : position;
  }
  return indices;
}
