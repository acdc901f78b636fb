//===- ExpandCompound.h - compound ops in terms of simple ones -----------------===//
//
// What clusters are made of: elementwise ops, tpc.broadcast, tpc.reduce over leading or over
// trailing dimensions, tensor slices, and the few ops that have a loop nest of their own (rope,
// rope_table, cross_entropy's pick of the target, cross_entropy_grad).
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_EXPANDCOMPOUND_H
#define TPC_LIB_CODEGEN_EXPANDCOMPOUND_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tpc {

/// On simple ops: the compound op that they came from, for the names of kernels.
inline constexpr llvm::StringLiteral kOrigin = "origin";

/// A reduction of more elements than this to one scalar is made in two stages, whose split depends
/// on the shape only.
inline constexpr int64_t kSingleStageElements = 32768;

/// Rewrites rms_norm, layer_norm, their gradients, adamw, sum_squares, cross_entropy's log_sum_exp,
/// shard_slice and reductions over several groups of dimensions; drops identities (use, barrier).
void expandCompoundOps(mlir::func::FuncOp function);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_EXPANDCOMPOUND_H
