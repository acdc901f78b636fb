//===- RuleReader.h - the sharding rules of the ops of a program ----------------===//

#ifndef TPC_PROPAGATION_RULEREADER_H
#define TPC_PROPAGATION_RULEREADER_H

#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// Can `type` be given a layout, or needs it none? Sizes are split, so a shape must be known:
/// reports one that is not, or that is no tensor's.
mlir::LogicalResult verifyStaticShape(mlir::Type type,
                                      llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// Does `op` take or make anything that has a shape?
bool handlesTensors(mlir::Operation *op);

/// The rule of an op that handles tensors; an error at the op if it has none, or not for these.
mlir::FailureOr<ShardingRule> readShardingRule(mlir::Operation *op);

} // namespace tpc

#endif // TPC_PROPAGATION_RULEREADER_H
