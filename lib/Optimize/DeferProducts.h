//===- DeferProducts.h - work for the time that a collective takes ----------------===//
//
// A collective whose result is needed at once has nothing to overlap with where it stands. But
// before it there often is a matrix product that nothing needs until later: in backward the
// gradient of a weight, next to that of the activation which the collective waits for. Such
// products move behind the collective, as many as its time asks for.
//
//   dx = contract(dy, w)                      dx = contract(dy, w)
//   dw = contract(dy, x)                      s  = reduce_scatter dx
//   s  = reduce_scatter dx          ->        dw = contract(dy, x)
//   n  = launch @norm_grad(s)                 n  = launch @norm_grad(s)
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_OPTIMIZE_DEFERPRODUCTS_H
#define TPC_LIB_OPTIMIZE_DEFERPRODUCTS_H

#include "mlir/IR/Block.h"
#include "tpc/Sharding/CostModel.h"

namespace tpc {

/// Reorders `block`, whose reshapes stand at their first users, and returns how many products
/// moved. The operands of those that moved stay in memory meanwhile: at most `memoryCap` bytes more
/// than otherwise at any time, 0 for no limit.
unsigned deferProducts(mlir::Block &block, const MachineModel &machine, const CostModel &cost,
                       int64_t memoryCap);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_DEFERPRODUCTS_H
