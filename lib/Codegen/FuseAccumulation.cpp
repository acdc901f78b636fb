//===- FuseAccumulation.cpp ----------------------------------------------------===//

#include "FuseAccumulation.h"
#include "KernelSpace.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

/// Whether `value` has memory of its own even if no product accumulates on it: otherwise a kernel
/// computes it on the way to the sum.
static bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || getPlacement(op) == Placement::Entry)
    return true;
  return getPlacement(op) != Placement::Inline && !value.hasOneUse();
}

/// The product of `add` that can take the other operand in, null if neither can.
static ContractOp getProduct(arith::AddFOp add, Value product, Value addend) {
  auto contract = product.getDefiningOp<ContractOp>();
  if (!contract || contract.getAccumulate() || !product.hasOneUse() ||
      product.getType() != add.getType() || !isInMemory(addend))
    return {};
  Operation *origin = addend.getDefiningOp();
  return !origin || origin->isBeforeInBlock(contract) ? contract : ContractOp();
}

void tpc::fuseAccumulation(func::FuncOp function) {
  for (auto add : llvm::make_early_inc_range(function.getBody().front().getOps<arith::AddFOp>()))
    for (auto [product, addend] :
         {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
      if (ContractOp contract = getProduct(add, product, addend)) {
        contract.getAccumulateMutable().assign(addend);
        add.replaceAllUsesWith(product);
        add.erase();
        break;
      }
}
