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

/// Calls visit(sourceElement, targetElement, count) for the longest runs that are contiguous in
/// both tensors, in row-major order. Example: gathering rows of [2, 3] along dim 1 into [2, 6]
/// gives two runs of 3.
template <typename Visit>
void forEachRun(const std::vector<int64_t> &sizes, const BoxPlace &source, const BoxPlace &target,
                Visit visit) {
  // Dimensions [inner, rank) are one run: all but the first of them are whole in both tensors.
  auto inner = static_cast<int64_t>(sizes.size());
  int64_t run = 1, sourceStride = 1, targetStride = 1;
  for (bool whole = true; inner > 0 && whole;) {
    --inner;
    run *= sizes[inner];
    sourceStride *= source.shape[inner];
    targetStride *= target.shape[inner];
    whole = run == sourceStride && run == targetStride;
  }
  int64_t outer = 1;
  for (int64_t dim = 0; dim < inner; ++dim)
    outer *= sizes[dim];
  auto elementAt = [&](const BoxPlace &place, int64_t index) {
    int64_t element = 0, stride = 1;
    for (auto dim = static_cast<int64_t>(sizes.size()); dim-- > 0; stride *= place.shape[dim]) {
      int64_t coordinate = place.offsets[dim];
      if (dim < inner) {
        coordinate += index % sizes[dim];
        index /= sizes[dim];
      }
      element += coordinate * stride;
    }
    return element;
  };
  for (int64_t index = 0; run > 0 && index < outer; ++index)
    visit(elementAt(source, index), elementAt(target, index), run);
}

} // namespace tpc::runtime

#endif
