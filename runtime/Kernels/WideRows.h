// Rows that are computed in f32 and kept in f32 or bf16.
#ifndef TPC_RUNTIME_KERNELS_WIDEROWS_H
#define TPC_RUNTIME_KERNELS_WIDEROWS_H

#include "Kernels/Softmax.h"
#include "tpc/runtime/BFloat16.h"

#include <type_traits>

namespace tpc::runtime {

/// The rows of a result while they are computed: the result itself if it is f32, else `scratch`
/// (rows * size floats), which finish() rounds into the result.
template <typename Element>
class WideRows {
public:
  WideRows(Element *result, int64_t resultStride, int64_t size, float *scratch)
      : result(result), resultStride(resultStride), size(size) {
    if constexpr (std::is_same_v<Element, float>)
      data = result, stride = resultStride;
    else
      data = scratch, stride = size;
  }
  void finish(int64_t rows) const {
    if constexpr (!std::is_same_v<Element, float>)
      for (int64_t row = 0; row < rows; ++row)
        narrowRow(data + row * stride, result + row * resultStride, size);
  }

  float *data;
  int64_t stride;

private:
  Element *result;
  int64_t resultStride, size;
};

/// `values` as the operand of a product with Elements: themselves, or rounded into `scratch`.
template <typename Element>
const Element *asOperand(const float *values, [[maybe_unused]] BFloat16 *scratch,
                         [[maybe_unused]] int64_t count) {
  if constexpr (std::is_same_v<Element, float>) {
    return values;
  } else {
    narrowRow(values, scratch, count);
    return scratch;
  }
}

} // namespace tpc::runtime

#endif
