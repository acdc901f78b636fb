#include "Train/Box.h"
#include "Comm/StridedRuns.h"

#include <algorithm>
#include <cstring>

namespace tpc::runtime {

int64_t elementsOf(const Shape &shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

uint64_t localBytes(const Placement &placement, tpc_dtype dtype) {
  return static_cast<uint64_t>(elementsOf(placement.localShape)) * elementBytes(dtype);
}

Box boxOf(const Placement &placement, const Mesh &mesh, int64_t rank) {
  std::vector<int64_t> coordinates = mesh.coordinates(rank);
  Box box;
  for (size_t d = 0; d < placement.localShape.size(); ++d) {
    int64_t index = 0;
    for (const SubAxis &part : placement.dims[d]) {
      int64_t stride = mesh.axes[static_cast<size_t>(part.axis)].size / (part.pre * part.size);
      index = index * part.size + coordinates[static_cast<size_t>(part.axis)] / stride % part.size;
    }
    int64_t size = placement.globalShape[d];
    int64_t offset = std::min(index * placement.localShape[d], size);
    box.offsets.push_back(offset);
    box.sizes.push_back(std::min(placement.localShape[d], size - offset));
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

void forEachRun(const Shape &globalShape, const Box &box, const Shape &localShape,
                const std::function<void(int64_t, int64_t, int64_t)> &visit) {
  BoxPlace global(globalShape), local(localShape);
  global.offsets = box.offsets;
  forEachRun(box.sizes, global, local, visit);
}

int64_t copyShared(const Box &source, const char *from, const Box &target, const Shape &targetShape,
                   char *to, int64_t size) {
  Shape shared;
  BoxPlace sourcePlace(source.sizes), targetPlace(targetShape);
  for (size_t d = 0; d < source.sizes.size(); ++d) {
    int64_t begin = std::max(source.offsets[d], target.offsets[d]);
    int64_t end =
        std::min(source.offsets[d] + source.sizes[d], target.offsets[d] + target.sizes[d]);
    if (begin >= end)
      return 0;
    shared.push_back(end - begin);
    sourcePlace.offsets[d] = begin - source.offsets[d];
    targetPlace.offsets[d] = begin - target.offsets[d];
  }
  forEachRun(shared, sourcePlace, targetPlace,
             [&](int64_t sourceAt, int64_t targetAt, int64_t length) {
               std::memcpy(to + targetAt * size, from + sourceAt * size,
                           static_cast<size_t>(length * size));
             });
  return elementsOf(shared);
}

} // namespace tpc::runtime
