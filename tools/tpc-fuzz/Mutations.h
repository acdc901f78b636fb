//===- Mutations.h - bugs put into a program on purpose ----------------------------------===//
//
// A test of the fuzzer: each mutation is a mistake that partitioning could make, done to a program
// between two stages. It must be found, by a pass that refuses the program or by what the program
// then computes.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FUZZ_MUTATIONS_H
#define TPC_FUZZ_MUTATIONS_H

#include "Oracle.h"
#include "Random.h"

namespace tpc::fuzz {

struct Mutation {
  llvm::StringRef name, what;
  Stage after; ///< the program that it changes
  /// Changes one place, chosen at random; false if the program has none.
  bool (*apply)(mlir::ModuleOp module, Random &random);
};

/// Collectives that are missing, doubled, or move the wrong things.
llvm::ArrayRef<Mutation> getCollectiveMutations();
/// Shards that start elsewhere, summands taken for values, values taken for others.
llvm::ArrayRef<Mutation> getValueMutations();

/// All ops of one kind in the module's function.
template <typename OpType>
llvm::SmallVector<OpType> collect(mlir::ModuleOp module) {
  llvm::SmallVector<OpType> ops;
  module.walk([&](OpType op) { ops.push_back(op); });
  return ops;
}

/// Applies `change` to ops of one kind, in random order, until it succeeds on one.
template <typename OpType>
bool changeOne(mlir::ModuleOp module, Random &random, llvm::function_ref<bool(OpType)> change) {
  llvm::SmallVector<OpType> ops = collect<OpType>(module);
  random.shuffle(ops);
  return llvm::any_of(ops, change);
}

/// The axes of a collective in another order: their digits are exchanged. Null if there is only
/// one.
mlir::ArrayAttr getOtherOrder(mlir::Operation *collective);
/// One of the axes replaced by another part of the mesh of its size; null if there is none.
mlir::ArrayAttr getOtherAxis(mlir::Operation *collective, Random &random);

} // namespace tpc::fuzz

#endif // TPC_FUZZ_MUTATIONS_H
