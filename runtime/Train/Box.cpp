#include "Train/Box.h"

#include <algorithm>
#include <cstring>

namespace tpc::runtime {

int64_t elementsOf(const Shape &shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

Box boxOf(const Placement &placement, const Mesh &mesh, int64_t rank) {
  std::vector<int64_t> coordinates = mesh.coordinates(rank);
  Box box{{}, placement.localShape};
  for (size_t d = 0; d < placement.localShape.size(); ++d) {
    int64_t index = 0;
    for (const SubAxis &part : placement.dims[d]) {
      int64_t stride = mesh.axes[static_cast<size_t>(part.axis)].size / (part.pre * part.size);
      index = index * part.size + coordinates[static_cast<size_t>(part.axis)] / stride % part.size;
    }
    box.offsets.push_back(index * placement.localShape[d]);
  }
  return box;
}

int64_t writerOf(const Placement &placement, const Mesh &mesh, int64_t rank) {
  Box mine = boxOf(placement, mesh, rank);
  int64_t writer = 0;
  while (!(boxOf(placement, mesh, writer) == mine))
    ++writer;
  return writer;
}

/// The first dimension of the largest trailing part that is contiguous in both.
static size_t contiguousFrom(const Shape &globalShape, const Box &box) {
  size_t d = globalShape.size();
  while (d > 0 && box.sizes[d - 1] == globalShape[d - 1])
    --d;
  return d > 0 ? d - 1 : 0;
}

void forEachRun(const Shape &globalShape, const Box &box,
                const std::function<void(int64_t, int64_t, int64_t)> &visit) {
  size_t split = contiguousFrom(globalShape, box);
  int64_t length = 1, rows = 1;
  for (size_t d = split; d < box.sizes.size(); ++d)
    length *= box.sizes[d];
  for (size_t d = 0; d < split; ++d)
    rows *= box.sizes[d];
  for (int64_t row = 0; row < rows; ++row) {
    int64_t global = 0, stride = 1, rest = row;
    for (size_t d = globalShape.size(); d-- > 0;) {
      int64_t index = box.offsets[d];
      if (d < split)
        index += rest % box.sizes[d], rest /= box.sizes[d];
      global += index * stride;
      stride *= globalShape[d];
    }
    visit(global, row * length, length);
  }
}

int64_t copyShared(const Box &source, const char *from, const Box &target, char *to, int64_t size) {
  size_t rank = source.sizes.size();
  Box shared;
  for (size_t d = 0; d < rank; ++d) {
    int64_t begin = std::max(source.offsets[d], target.offsets[d]);
    int64_t end =
        std::min(source.offsets[d] + source.sizes[d], target.offsets[d] + target.sizes[d]);
    if (begin >= end)
      return 0;
    shared.offsets.push_back(begin), shared.sizes.push_back(end - begin);
  }
  int64_t inner = rank ? shared.sizes.back() : 1, elements = elementsOf(shared.sizes);
  for (int64_t row = 0; row < elements / inner; ++row) {
    int64_t sourceAt = 0, targetAt = 0, sourceStride = 1, targetStride = 1, rest = row;
    for (size_t d = rank; d-- > 0;) {
      int64_t index = shared.offsets[d];
      if (d + 1 < rank)
        index += rest % shared.sizes[d], rest /= shared.sizes[d];
      sourceAt += (index - source.offsets[d]) * sourceStride, sourceStride *= source.sizes[d];
      targetAt += (index - target.offsets[d]) * targetStride, targetStride *= target.sizes[d];
    }
    std::memcpy(to + targetAt * size, from + sourceAt * size, static_cast<size_t>(inner * size));
  }
  return elements;
}

} // namespace tpc::runtime
