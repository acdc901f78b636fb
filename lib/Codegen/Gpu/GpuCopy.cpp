//===- GpuCopy.cpp - transposes, slices, concatenations, broadcasts ------------===//
//
// A thread writes one vector of the result. Where the source's last dimension is another one of the
// result, blocks go by tiles through shared memory: both sides are read and written along
// their lines.
//
//===----------------------------------------------------------------------===//

#include "GpuCopy.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

/// Elements of a tile each way; a block has a thread for every eighth line of it.
static constexpr int64_t kTile = 32;
static constexpr int64_t kTileThreads = kTile * 8;

static bool isStatic(OpFoldResult offset) { return isa<Attribute>(offset); }

/// What a vector's first element is a multiple of, along the last dimension of a box.
static int64_t getGranularity(const CopyBox &box) {
  int64_t last = box.strides.size() - 1, granularity = box.sizes[last];
  for (auto offsets : {box.offsets, box.sourceOffsets}) {
    if (!isStatic(offsets[last]))
      return 1;
    granularity = std::gcd(granularity, *getConstantIntValue(offsets[last]));
  }
  if (box.strides[last] == 0)
    return granularity;
  for (int64_t stride : ArrayRef(box.strides).drop_back())
    granularity = std::gcd(granularity, stride);
  return box.strides[last] == 1 ? granularity : 1;
}

/// The dimension of the result that the source has last, if it is not the result's last one.
static std::optional<int64_t> getTileDim(ArrayRef<CopyBox> boxes) {
  ArrayRef<int64_t> strides = boxes.front().strides;
  if (boxes.size() != 1 || strides.back() <= 1)
    return std::nullopt;
  for (int64_t dim = static_cast<int64_t>(strides.size()) - 2; dim >= 0; --dim)
    if (strides[dim] == 1 && boxes.front().sizes[dim] > 1)
      return dim;
  return std::nullopt;
}

GpuCopy::GpuCopy(func::FuncOp kernel, ArrayRef<CopyBox> boxes)
    : boxes(boxes), type(cast<RankedTensorType>(kernel.getResultTypes().front())),
      tileDim(getTileDim(boxes)) {
  int64_t length = type.getShape().back();
  for (const CopyBox &box : boxes)
    length = std::gcd(length, getGranularity(box));
  lanes = getGpuLanes(kernel, length);
  vectors = VectorGeometry::get(type.getNumElements() / lanes, lanes);
}

GpuKernelInfo GpuCopy::getInfo() const {
  if (!tileDim)
    return vectors.getInfo();
  GpuKernelInfo info;
  int64_t height = type.getDimSize(*tileDim), width = type.getShape().back();
  int64_t area = height * width;
  int64_t slabs = area != 0 ? type.getNumElements() / area : 0;
  info.blocks = slabs * llvm::divideCeil(height, kTile) * llvm::divideCeil(width, kTile);
  info.threads = kTileThreads;
  return info;
}

void GpuCopy::emit(GpuKernelEmitter &emitter) const {
  if (tileDim)
    return emitTile(emitter);
  forEachVector(emitter, vectors, [&](Value vector) {
    Value position = emitter.mul(vector, emitter.integer(lanes));
    SmallVector<Value> indices = getIndices(emitter, position, type.getShape());
    for (const CopyBox &box : boxes)
      emitCovered(emitter, box, indices, position);
  });
}

//===-- vectors ----------------------------------------------------------------===//

/// Where the source of a box has what belongs at `indices` of the result.
static Value getSourcePosition(GpuKernelEmitter &emitter, const CopyBox &box,
                               ArrayRef<Value> indices) {
  Value position = emitter.integer(0);
  for (auto [dim, index] : llvm::enumerate(indices)) {
    Value inBox = emitter.sub(index, getOffset(emitter, box.offsets[dim]));
    Value inSource = emitter.add(inBox, getOffset(emitter, box.sourceOffsets[dim]));
    position = emitter.add(position, emitter.mul(inSource, emitter.integer(box.strides[dim])));
  }
  return position;
}

void GpuCopy::emitCovered(GpuKernelEmitter &emitter, const CopyBox &box, ArrayRef<Value> indices,
                          Value position) const {
  Value covered;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    if (box.sizes[dim] == type.getDimSize(dim))
      continue;
    Value inBox = emitter.sub(index, getOffset(emitter, box.offsets[dim]));
    Value inside =
        emitter.compare(arith::CmpIPredicate::ult, inBox, emitter.integer(box.sizes[dim]));
    covered = covered ? emitter.both(covered, inside) : inside;
  }
  auto copy = [&] {
    Value from = getSourcePosition(emitter, box, indices);
    Value pointer = emitter.getArgumentPointer(box.source.getArgNumber());
    Type element = type.getElementType();
    Value vector = box.strides.back() ? emitter.loadVector(pointer, element, from, {})
                                      : emitter.splat(emitter.loadScalar(pointer, element, from));
    emitter.storeVector(vector, emitter.getResultPointer(0), position, {});
  };
  if (covered)
    emitter.doIf(covered, copy);
  else
    copy();
}

//===-- tiles ------------------------------------------------------------------===//

/// Each thread moves every eighth element of a line of 32: `body` gets the element's place in the
/// tile, along a line and across.
static void forEachOfTile(GpuKernelEmitter &emitter,
                          llvm::function_ref<void(Value along, Value across)> body) {
  Value along = emitter.rem(emitter.getThread(), emitter.integer(kTile));
  Value first = emitter.div(emitter.getThread(), emitter.integer(kTile));
  for (int64_t step = 0; step < kTile; step += kTileThreads / kTile)
    body(along, emitter.add(first, emitter.integer(step)));
}

void GpuCopy::emitTile(GpuKernelEmitter &emitter) const {
  const CopyBox &box = boxes.front();
  int64_t last = type.getRank() - 1, height = type.getDimSize(*tileDim),
          width = type.getDimSize(last);
  SmallVector<int64_t> sizes = llvm::to_vector(type.getShape());
  sizes[*tileDim] = llvm::divideCeil(height, kTile), sizes[last] = llvm::divideCeil(width, kTile);
  SmallVector<Value> place = getIndices(emitter, emitter.getBlock(), sizes);
  Value top = emitter.mul(place[*tileDim], emitter.integer(kTile));
  Value left = emitter.mul(place[last], emitter.integer(kTile));
  Type storage = getStorageType(type.getElementType());
  // A column more, so that a line across touches every bank once.
  Value memory = emitter.allocateShared(storage, kTile * (kTile + 1));
  auto move = [&](bool load) {
    forEachOfTile(emitter, [&](Value along, Value across) {
      Value row = load ? along : across, column = load ? across : along;
      place[*tileDim] = emitter.add(top, row), place[last] = emitter.add(left, column);
      Value slot = emitter.add(emitter.mul(row, emitter.integer(kTile + 1)), column);
      auto isInside = [&](int64_t dim) {
        return emitter.compare(arith::CmpIPredicate::slt, place[dim],
                               emitter.integer(type.getDimSize(dim)));
      };
      emitter.doIf(emitter.both(isInside(*tileDim), isInside(last)), [&] {
        Value pointer = emitter.getArgumentPointer(box.source.getArgNumber());
        if (load)
          return emitter.storeShared(
              emitter.loadScalar(pointer, storage, getSourcePosition(emitter, box, place)), memory,
              slot);
        emitter.storeScalar(emitter.loadShared(memory, storage, slot), emitter.getResultPointer(0),
                            getPosition(emitter, place));
      });
    });
  };
  move(/*load=*/true);
  emitter.synchronize();
  move(/*load=*/false);
}

Value GpuCopy::getPosition(GpuKernelEmitter &emitter, ArrayRef<Value> indices) const {
  Value position = emitter.integer(0);
  for (auto [index, size] : llvm::zip_equal(indices, type.getShape()))
    position = emitter.add(emitter.mul(position, emitter.integer(size)), index);
  return position;
}
