//===- KernelInfo.h - what the schedule knows of an outlined kernel ------------===//
//
// A kernel is a private function with the attribute `tpc.kernel`:
//
//   func.func private @add(%a: tensor<8x16xf32>, %b: tensor<8x16xf32>) -> tensor<8x16xf32>
//       attributes {tpc.kernel = {extent = 8 : i64, grain = 1 : i64, in_place = [[0, 1]]}}
//
// Lowered, it is `void add(char *const *buffers, int64_t begin, int64_t end)` and keeps the
// attribute. `buffers` has one pointer per operand, then one per result; an operand of type index
// is passed as a pointer to an int64_t. All pointers are 64-byte aligned but those of index
// operands.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_KERNELINFO_H
#define TPC_CODEGEN_KERNELINFO_H

#include "mlir/IR/Operation.h"

namespace tpc {

struct KernelInfo {
  int64_t extent = 1; ///< iterations of the outermost parallel loop, each independent of the others
  int64_t grain = 1;  ///< threads get multiples of so many iterations
  /// Per result the operands whose buffer it may be written to, because every element (or row) of
  /// the operand is read before that of the result is written. Results beyond the end have none.
  llvm::SmallVector<llvm::SmallVector<int64_t>> inPlace;

  /// Reads `tpc.kernel` of a kernel, lowered or not; a unit attribute means the defaults.
  static KernelInfo get(mlir::Operation *kernel);
  /// True if `result` may be written over `operand`.
  bool allowsInPlace(unsigned result, unsigned operand) const;
  /// As get(kernel).allowsInPlace(result, operand), without reading of other results.
  static bool allowsInPlace(mlir::Operation *kernel, unsigned result, unsigned operand);
  /// The attribute that get() reads.
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
};

} // namespace tpc

#endif // TPC_CODEGEN_KERNELINFO_H
