//===- ChunkCandidates.h - collectives that can be several beside their products --===//
//
// A gather whose result matrix products read can deliver some rows of every shard at a time, and
// the products be computed of these; a scatter can take such rows of a product as soon as they are
// there, or some columns of all rows, for which the other operand is cut, often a weight.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_OPTIMIZE_CHUNKCANDIDATES_H
#define TPC_LIB_OPTIMIZE_CHUNKCANDIDATES_H

#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// A contraction of which operand number `operand` and the result have a common dimension that is
/// not summed over.
struct ChunkProduct {
  ContractOp op;
  unsigned operand;
  int64_t operandDim, resultDim;

  /// The product if `operand` passes dimension `operandDim` on; the other operand must not have it.
  static std::optional<ChunkProduct> fromOperand(ContractOp op, unsigned operand,
                                                 int64_t operandDim);
  static std::optional<ChunkProduct> fromResult(ContractOp op, int64_t resultDim);
  /// The rows of `operand`: its elements along the dimensions that the result has. What is summed
  /// over does not count.
  int64_t getRows();
  /// Size of the common dimension.
  int64_t getExtent() const;
};

/// A collective, the dimension along which ranks' shards lie, and the products that are computed
/// piece by piece: from what a gather delivers, or into what a scatter takes.
struct ChunkCandidate {
  mlir::Operation *collective;
  int64_t dim, ranks;
  llvm::SmallVector<ChunkProduct> products;

  bool isGather() const;
  /// Is the scattered cut along another dimension than the one that shards lie along?
  bool cutsColumns() const { return !isGather() && products.front().resultDim != dim; }
  /// Size of what is cut: of a rank's shard along `dim`, or of the columns.
  int64_t getExtent() const;
  /// Does something else need the gathered whole?
  bool needsWhole() const;
  /// Visits matrix products and attention that overlap with the collective as it is: nothing of its
  /// operand needs them, and they need nothing of its result. Until `visit` returns false.
  void visitIndependentWork(llvm::function_ref<bool(const Work &)> visit) const;
};

/// The ways to cut it. None for a gather of parameters, which waits for nothing and is started
/// early instead, and for a scatter of what nothing needs before the update.
llvm::SmallVector<ChunkCandidate, 2> findChunkCandidates(mlir::Operation *collective);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_CHUNKCANDIDATES_H
