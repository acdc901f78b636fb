//===- RuleBuilder.h - sharding rules from einsum letters ----------------------===//

#ifndef TPC_DIALECT_RULEBUILDER_H
#define TPC_DIALECT_RULEBUILDER_H

#include "mlir/IR/Operation.h"
#include "tpc/Sharding/ShardingRule.h"

namespace tpc {

using LinearSets = llvm::SmallVector<llvm::SmallVector<unsigned, 2>, 2>;

/// One string of letters per tensor operand and result of `op`, one letter per dimension: equal
/// letters are one factor. Letters in `reduced` are reductions, those in `whole` need replication,
/// those in `internal` are joined by the op. A dimension of size one that shares its letter with a
/// larger one (a broadcast) gets no factor. Non-tensor operands get empty mappings.
ShardingRule buildRule(mlir::Operation *op, llvm::ArrayRef<std::string> operands,
                       llvm::ArrayRef<std::string> results, llvm::StringRef reduced,
                       llvm::StringRef whole, const LinearSets &linearSets,
                       llvm::StringRef internal = {});

} // namespace tpc

#endif // TPC_DIALECT_RULEBUILDER_H
