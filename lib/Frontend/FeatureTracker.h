//===- FeatureTracker.h - where the features that a linear module makes go -----===//

#ifndef TPC_LIB_FRONTEND_FEATURETRACKER_H
#define TPC_LIB_FRONTEND_FEATURETRACKER_H

#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace tpc {

/// Follows one dimension of a value through the program, by the sharding rules of the ops on the
/// way:
///
///   gate [b, s, f] -> silu -> mul -> contract [b, s, f], [n, f]     f ends in a sum with a weight
///
/// The way is clear if the dimension, split at its start, stays split without a collective until a
/// contraction with a parameter sums over it, an op joins its shards itself (cross_entropy), or the
/// function returns it.
class FeatureTracker {
public:
  /// `value`'s dimension `dim` and all that becomes of it.
  void follow(mlir::Value value, unsigned dim);

  bool isClear() const { return clear; }
  /// Ops that sum over the dimension together with a parameter's.
  llvm::ArrayRef<mlir::Operation *> getSums() const { return sums.getArrayRef(); }
  /// Modules that the dimension went through.
  llvm::ArrayRef<llvm::StringRef> getModules() const { return modules.getArrayRef(); }

private:
  void followUse(mlir::OpOperand &use, unsigned dim);
  void followFactor(mlir::Operation *op, const ShardingRule &rule, unsigned factor);

  bool clear = true;
  llvm::SetVector<mlir::Operation *> sums;
  llvm::SetVector<llvm::StringRef> modules;
  llvm::DenseSet<std::pair<mlir::Value, unsigned>> seen;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_FEATURETRACKER_H
