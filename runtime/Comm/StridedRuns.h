// Boxes of row-major tensors as contiguous runs: what gathering, scattering and exchanging along
// any dimension share.
#ifndef TPC_RUNTIME_COMM_STRIDEDRUNS_H
#define TPC_RUNTIME_COMM_STRIDEDRUNS_H

#include <cstdint>
#include <vector>

namespace tpc::runtime {

/// Where a box lies in a row-major tensor.
struct BoxPlace {
  const std::vector<int64_t> &shape; ///< of the tensor
  std::vector<int64_t> offsets;      ///< of the box' first element

  explicit BoxPlace(const std::vector<int64_t> &shape) : shape(shape), offsets(shape.size(), 0) {}
  BoxPlace(const std::vector<int64_t> &shape, int64_t dim, int64_t offset) : BoxPlace(shape) {
    offsets[dim] = offset;
  }
};

/// Equally spaced runs of `count` elements: row r begins at source + r * sourcePitch in the one
/// tensor and at target + r * targetPitch in the other, all in elements.
struct RunPlane {
  int64_t source, target, rows, sourcePitch, targetPitch, count;
};

/// Calls visit(plane) for the longest runs that are contiguous in both tensors, in row-major order.
/// Example: gathering [2, 3] along dim 1 into [2, 6] gives one plane of two runs of 3. A box cut
/// along one dimension is one plane.
template <typename Visit>
void forEachPlane(const std::vector<int64_t> &sizes, const BoxPlace &source, const BoxPlace &target,
                  Visit visit) {
  // Dimensions [inner, rank) are one run: all but the first of them are whole in both tensors.
  auto inner = static_cast<int64_t>(sizes.size());
  RunPlane plane{0, 0, 1, 1, 1, 1};
  for (bool whole = true; inner > 0 && whole;) {
    --inner;
    plane.count *= sizes[inner];
    plane.sourcePitch *= source.shape[inner];
    plane.targetPitch *= target.shape[inner];
    whole = plane.count == plane.sourcePitch && plane.count == plane.targetPitch;
  }
  // Likewise dimensions [outer, inner) are the rows of a plane.
  int64_t outer = inner;
  for (bool whole = true; outer > 0 && whole;) {
    --outer;
    plane.rows *= sizes[outer];
    whole = sizes[outer] == source.shape[outer] && sizes[outer] == target.shape[outer];
  }
  int64_t planes = 1;
  for (int64_t dim = 0; dim < outer; ++dim)
    planes *= sizes[dim];
  auto elementAt = [&](const BoxPlace &place, int64_t index) {
    int64_t element = 0, stride = 1;
    for (auto dim = static_cast<int64_t>(sizes.size()); dim-- > 0; stride *= place.shape[dim]) {
      int64_t coordinate = place.offsets[dim];
      if (dim < outer) {
        coordinate += index % sizes[dim];
        index /= sizes[dim];
      }
      element += coordinate * stride;
    }
    return element;
  };
  for (int64_t index = 0; plane.count > 0 && plane.rows > 0 && index < planes; ++index) {
    plane.source = elementAt(source, index), plane.target = elementAt(target, index);
    visit(plane);
  }
}

/// Calls visit(sourceElement, targetElement, count) for each run of forEachPlane, in row-major
/// order.
template <typename Visit>
void forEachRun(const std::vector<int64_t> &sizes, const BoxPlace &source, const BoxPlace &target,
                Visit visit) {
  forEachPlane(sizes, source, target, [&](const RunPlane &plane) {
    for (int64_t row = 0; row < plane.rows; ++row)
      visit(plane.source + row * plane.sourcePitch, plane.target + row * plane.targetPitch,
            plane.count);
  });
}

} // namespace tpc::runtime

#endif
