// A box of a global row-major tensor, row by row: for kernels that depend on global positions.
#ifndef TPC_RUNTIME_KERNELS_GLOBALBOX_H
#define TPC_RUNTIME_KERNELS_GLOBALBOX_H

#include <algorithm>
#include <cstdint>

namespace tpc::runtime {

/// `localShape` elements from `offsets` on in a tensor of `globalShape`; what lies beyond that is
/// padding. A row is the innermost dimension; a scalar is one row of one element.
struct GlobalBox {
  int64_t rank;
  const int64_t *globalShape, *localShape, *offsets;

  int64_t rowLength() const { return rank ? localShape[rank - 1] : 1; }
  int64_t rows() const {
    int64_t count = 1;
    for (int64_t d = 0; d + 1 < rank; ++d)
      count *= localShape[d];
    return count;
  }
  /// How many elements of row number `row` are not padding.
  int64_t validLength(int64_t row) const {
    for (int64_t d = rank - 2; d >= 0; row /= localShape[d--])
      if (offsets[d] + row % localShape[d] >= globalShape[d])
        return 0;
    return rank ? std::clamp<int64_t>(globalShape[rank - 1] - offsets[rank - 1], 0, rowLength())
                : 1;
  }
  /// Global row-major index of the first element of row number `row`.
  uint64_t rowStart(int64_t row) const {
    if (rank == 0)
      return 0;
    int64_t index = offsets[rank - 1], stride = globalShape[rank - 1];
    for (int64_t d = rank - 2; d >= 0; --d) {
      index += (offsets[d] + row % localShape[d]) * stride;
      row /= localShape[d];
      stride *= globalShape[d];
    }
    return static_cast<uint64_t>(index);
  }
};

} // namespace tpc::runtime

#endif
