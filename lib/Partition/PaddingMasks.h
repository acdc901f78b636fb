//===- PaddingMasks.h - keeps padding out of what is computed -------------------===//
//
// What padding holds is undefined, so an op that joins elements along a padded dimension (a sum, a
// maximum) must find its neutral element there. A select by index provides it:
//
//   %m = tpc.within 10 dim 0 : tensor<12x4xi1>          %x holds anything in rows 10 and 11
//   %z = arith.select %m, %x, %zeros                    %z holds zeros there
//
// Most padding needs none. Parameters are zero there, by contract of whoever initializes, loads and
// updates them, and many ops make zeros of zeros, ones of exp(zeros), and so on. The analysis
// follows these constants from op to op in program order. Where an op makes something else of them
// (a source), the result is taken for zero, on the promise that it will be selected there if anyone
// relies on it. Then, from each op that joins padding, the promises that it relies on are traced
// back and kept. So one select at the output of an attention serves all later sums over tokens.
//
// "Relies on" is generous: all padding of all operands of an op must be well-behaved for its
// result's to be, since 0 times NaN is NaN.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_PADDINGMASKS_H
#define TPC_LIB_PARTITION_PADDINGMASKS_H

#include "PaddedSizes.h"
#include "llvm/ADT/SetVector.h"

namespace tpc {

/// Masks one function, whose types have their padded sizes.
class PaddingMasks {
public:
  PaddingMasks(mlir::func::FuncOp function, const PaddedSizes &sizes)
      : function(function), sizes(sizes) {}

  /// Returns the number of selects inserted.
  unsigned run();

private:
  /// What a value holds in the padding of one dimension, whatever its other indices are.
  struct Content {
    enum Kind { Undefined, Finite, Constant } kind = Undefined;
    mlir::TypedAttr constant = {}; ///< for Constant: the element
    bool promised = false;         ///< a constant once it is selected
    bool isZero() const;
  };
  using Place = std::pair<mlir::Value, unsigned>; ///< a padded dimension of a value
  /// An op's operand that wants another constant in the padding of one dimension than it finds.
  struct LocalMask {
    mlir::OpOperand *use;
    unsigned dim;
    mlir::TypedAttr neutral;
    int64_t extent;
  };
  /// An op's operand that holds indices along a dimension of `extent` elements and padding.
  struct IndexMask {
    mlir::OpOperand *use;
    int64_t extent;
  };

  void analyzeArgument(mlir::BlockArgument argument);
  void analyze(mlir::Operation *op);
  Content getResultContent(mlir::Operation *op, const ShardingRule &rule, mlir::OpResult result,
                           unsigned dim) const;
  Content fold(mlir::Operation *op, unsigned dim) const;
  bool makesZeros(mlir::Operation *op, const ShardingRule &rule, unsigned factor) const;

  void require(mlir::Operation *op);
  void requireReturned(mlir::OpOperand &use);
  void requireDivisor(mlir::OpOperand &use);
  void requireIndices(mlir::Operation *op, const ShardingRule &rule);
  void requireConstant(mlir::OpOperand &use, unsigned dim, mlir::TypedAttr neutral);
  void rely(mlir::Value value);

  void insertSelects();
  void keepPromise(mlir::Value value);
  mlir::Value select(mlir::OpBuilder &builder, mlir::Value value, unsigned dim, int64_t extent,
                     mlir::TypedAttr neutral);
  mlir::Value selectInRange(mlir::OpBuilder &builder, mlir::Value indices, int64_t extent);

  mlir::func::FuncOp function;
  const PaddedSizes &sizes;
  llvm::DenseMap<Place, Content> contents;
  llvm::SetVector<mlir::Value> relied; ///< values whose promises are kept
  std::vector<LocalMask> localMasks;
  std::vector<IndexMask> indexMasks;
  unsigned numSelects = 0;
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_PADDINGMASKS_H
