//===- ShardingRule.h - how an op's shards depend on each other --------------===//
//
// An op's factor rule, after Shardy (OpShardingRule) and GSPMD: the iteration space of the op is a
// set of factors, and every dimension of every tensor is a product of factors, major to minor.
//
//   contract [b, s, k], [n, k] -> [b, s, n]     factors b s n pass through, k is reduced
//
// Splitting a factor splits every tensor that has it. A result that lacks a split pass-through or
// reduction factor is Partial over its axes (rms_norm_grad's d_weight lacks the rows that d_input
// has). An internal factor may be split too, but the op's local form joins the shards itself and
// its results are whole (the vocabulary of cross_entropy). A need-replication factor must not be
// split.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_SHARDINGRULE_H
#define TPC_SHARDING_SHARDINGRULE_H

#include "tpc/Sharding/Layout.h"

namespace tpc {

enum class FactorKind { PassThrough, Reduction, Internal, NeedReplication };

struct Factor {
  int64_t size;
  FactorKind kind = FactorKind::PassThrough;
  /// How the op joins elements along a factor that a result lacks: padding has to be its neutral
  /// element.
  ReductionKind reduction = ReductionKind::Sum;
  std::string name; ///< one letter where the op names it; for printing
  /// What the op computes depends on the size, so that padding is cut off first (a mean, a rotation
  /// by halves).
  bool exact = false;
  /// A factor of the same size that has to be padded with this one.
  std::optional<unsigned> paddedAs = std::nullopt;
  /// An operand that holds indices along the factor, of which those out of range find nothing: nor
  /// may they find padding.
  std::optional<unsigned> indexedBy = std::nullopt;
};

/// Per dimension the factors it is made of, major to minor. A dimension of size one may have none.
using TensorMapping = llvm::SmallVector<llvm::SmallVector<unsigned, 1>, 4>;

struct ShardingRule {
  llvm::SmallVector<Factor, 6> factors;
  llvm::SmallVector<TensorMapping, 3> operands;
  llvm::SmallVector<TensorMapping, 2> results;
  /// Sets of operands in which every result is jointly linear: if all operands of a set are Partial
  /// over the same axes (sum), so are the results. contract: {{0}, {1}}; add: {{0, 1}}; mul: {{0},
  /// {1}}.
  llvm::SmallVector<llvm::SmallVector<unsigned, 2>, 2> linearSets;
  /// Where all operands that have a factor are zero along it, so are the results that have it.
  /// Follows from a linear set whose operands all have the factor; to be said of non-linear ops
  /// only (rms_norm, adamw).
  bool zeroAtZero = false;

  /// "([b, s, k], [n, k]) -> [b, s, n] reduce {k}"
  std::string str() const;
};

} // namespace tpc

#endif // TPC_SHARDING_SHARDINGRULE_H
