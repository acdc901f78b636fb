//===- Tensor.h - a dense array of doubles --------------------------------------===//
//
// Integers up to 2^53 are exact in it; i1 is 0 or 1; an index is a tensor of rank 0.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_INTERPRETER_TENSOR_H
#define TPC_INTERPRETER_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace tpc {

struct Tensor {
  llvm::SmallVector<int64_t, 6> shape;
  std::vector<double> data; ///< row-major

  static Tensor zeros(llvm::ArrayRef<int64_t> shape);
  static Tensor scalar(double value);
  int64_t size() const { return data.size(); }
  int64_t rank() const { return shape.size(); }
  /// Distance in elements between neighbours along each dimension.
  llvm::SmallVector<int64_t, 6> getStrides() const;
  /// The box of `sizes` at `offsets`.
  Tensor slice(llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes) const;
  /// Writes `box` at `offsets`.
  void insert(const Tensor &box, llvm::ArrayRef<int64_t> offsets);
};

/// Calls `visit` with every index of `shape`, row-major.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

} // namespace tpc

#endif // TPC_INTERPRETER_TENSOR_H
