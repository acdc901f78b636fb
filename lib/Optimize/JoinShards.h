//===- JoinShards.h - small gathers and scatters that travel as one ----------------===//
//
// Two of the same axes and dimension can be one op with two operands. Either in the place of the
// first, if the operand of the second exists there, as parameters do; or in the place of the last,
// if nothing uses the results before, as nothing uses gradients. So what depends on them stays
// where it is.
//
//   %g = all_gather %norm0             %g:2 = all_gather %norm0, %norm1
//   use(%g)                            use(%g#0)
//   %h = all_gather %norm1      ->     use(%g#1)
//   use(%h)
//
// What is joined exists earlier, or its operand later, than it must: so both stand no further apart
// than about a layer, and each takes longer to start than to transfer.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_OPTIMIZE_JOINSHARDS_H
#define TPC_LIB_OPTIMIZE_JOINSHARDS_H

#include "mlir/IR/Block.h"
#include "tpc/Sharding/CostModel.h"

namespace tpc {

struct JoinLimits {
  int64_t memberBytes; ///< of a shard
  int64_t bytes;       ///< of what is whole, together
  int64_t distance;    ///< matrix products and attention between the first and the last
};

/// Joins all_gathers, and reduce_scatters, of `block`, and returns how many travel together now.
unsigned joinShards(mlir::Block &block, const CostModel &cost, const JoinLimits &limits);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_JOINSHARDS_H
