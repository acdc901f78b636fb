//===- OrderPairs.h - places for which two products are one batch --------------===//

#ifndef TPC_LIB_CODEGEN_ORDERPAIRS_H
#define TPC_LIB_CODEGEN_ORDERPAIRS_H

#include "tpc/Codegen/Buffers.h"

namespace tpc {

/// A pair of products is a batch of two if what the second reads and writes lies behind what the
/// first does. Where only the results lie the other way round, and have one size and one lifetime,
/// they exchange their places in `offsets`, by buffer.
void orderPairs(mlir::func::FuncOp entry, const EntryBuffers &buffers,
                llvm::MutableArrayRef<int64_t> offsets);

} // namespace tpc

#endif // TPC_LIB_CODEGEN_ORDERPAIRS_H
