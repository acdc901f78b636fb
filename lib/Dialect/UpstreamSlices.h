//===- UpstreamSlices.h - tensor.extract_slice, insert_slice, concat -----------===//

#ifndef TPC_LIB_DIALECT_UPSTREAMSLICES_H
#define TPC_LIB_DIALECT_UPSTREAMSLICES_H

#include "mlir/IR/DialectRegistry.h"

namespace tpc {

/// Attaches all tpc interfaces to the ops that cut and join tensors.
void registerUpstreamSlices(mlir::DialectRegistry &registry);

} // namespace tpc

#endif // TPC_LIB_DIALECT_UPSTREAMSLICES_H
