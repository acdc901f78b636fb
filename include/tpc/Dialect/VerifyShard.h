//===- VerifyShard.h - is a tensor the shard that its attributes say? -----------===//

#ifndef TPC_DIALECT_VERIFYSHARD_H
#define TPC_DIALECT_VERIFYSHARD_H

#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// Checks `tpc.global` and `tpc.logical_shape`, if they are among the attributes of an argument or
/// a result of `function` (`what` says which): the tensor has the shape of a rank's part of the
/// whole, and the whole is no smaller than what was padded to it. Reported at `function`.
mlir::LogicalResult verifyShard(mlir::Operation *function, mlir::RankedTensorType tensor,
                                mlir::DictionaryAttr attributes, const llvm::Twine &what);

} // namespace tpc

#endif // TPC_DIALECT_VERIFYSHARD_H
