//===- Tensor.cpp - a dense array of doubles -----------------------------------===//

#include "tpc/Interpreter/Tensor.h"
#include <numeric>

using namespace tpc;
using llvm::ArrayRef;
using llvm::SmallVector;

static int64_t getProduct(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
}

Tensor Tensor::zeros(ArrayRef<int64_t> shape) {
  return {SmallVector<int64_t, 6>(shape), std::vector<double>(getProduct(shape), 0.0)};
}

Tensor Tensor::scalar(double value) { return {{}, {value}}; }

SmallVector<int64_t, 6> Tensor::getStrides() const {
  SmallVector<int64_t, 6> strides(shape.size(), 1);
  for (int64_t dim = rank() - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

void tpc::forEachIndex(ArrayRef<int64_t> shape, llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t, 6> index(shape.size(), 0);
  for (;;) {
    visit(index);
    int64_t dim = static_cast<int64_t>(shape.size()) - 1;
    while (dim >= 0 && ++index[dim] == shape[dim])
      index[dim--] = 0;
    if (dim < 0)
      return;
  }
}

/// Position of a box's element in a tensor with `strides`.
static int64_t getPosition(ArrayRef<int64_t> index, ArrayRef<int64_t> offsets,
                           ArrayRef<int64_t> strides) {
  int64_t position = 0;
  for (size_t dim = 0; dim < index.size(); ++dim)
    position += (index[dim] + offsets[dim]) * strides[dim];
  return position;
}

Tensor Tensor::slice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) const {
  Tensor result = zeros(sizes);
  SmallVector<int64_t, 6> strides = getStrides();
  int64_t next = 0;
  forEachIndex(sizes, [&](ArrayRef<int64_t> index) {
    result.data[next++] = data[getPosition(index, offsets, strides)];
  });
  return result;
}

void Tensor::insert(const Tensor &box, ArrayRef<int64_t> offsets) {
  SmallVector<int64_t, 6> strides = getStrides();
  int64_t next = 0;
  forEachIndex(box.shape, [&](ArrayRef<int64_t> index) {
    data[getPosition(index, offsets, strides)] = box.data[next++];
  });
}
