//===- PairContracts.cpp - two products of one shape become one call ------------===//

#include "tpc/Codegen/Passes.h"
#include "tpc/Codegen/Schedule.h"
#include "tpc/Codegen/TargetInfo.h"

#define DEBUG_TYPE "tpc-pair-contracts"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_PAIRCONTRACTS
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// Whether both have one left or one right side, and are alike otherwise.
static bool areAlike(ContractOp one, ContractOp other) {
  return one.getEquation() == other.getEquation() &&
         one->getOperandTypes() == other->getOperandTypes() && one.getType() == other.getType() &&
         !one.getAccumulate() && !other.getAccumulate() &&
         (one.getLhs() == other.getLhs() || one.getRhs() == other.getRhs());
}

/// Whether nobody needs `result` up to and at `at`, which comes later; a reshape of it does not
/// count, but who uses that.
static bool canWait(Value result, Operation *at) {
  return llvm::all_of(result.getUsers(), [&](Operation *user) {
    if (getAliasedOperand(user))
      return canWait(user->getResult(0), at);
    return at->isBeforeInBlock(user);
  });
}

/// Brings the reshapes of `value` behind `at`.
static void moveReshapes(Value value, Operation *at) {
  for (Operation *user : llvm::make_early_inc_range(value.getUsers()))
    if (getAliasedOperand(user) && user->isBeforeInBlock(at)) {
      user->moveAfter(at);
      moveReshapes(user->getResult(0), user);
    }
}

/// One call where the second stands.
static void pair(ContractOp first, ContractOp second) {
  OpBuilder builder(second);
  auto both =
      ContractPairOp::create(builder, builder.getFusedLoc({first.getLoc(), second.getLoc()}),
                             first.getType(), second.getType(), first.getLhs(), first.getRhs(),
                             second.getLhs(), second.getRhs(), first.getEquationAttr());
  moveReshapes(first.getResult(), both);
  first.replaceAllUsesWith(both.getResult());
  second.replaceAllUsesWith(both.getOtherResult());
  first.erase();
  second.erase();
}

/// The last product before `second`, from `products`, that can be done where `second` stands.
static ContractOp findPartner(ContractOp second, ArrayRef<ContractOp> products) {
  for (ContractOp first : llvm::reverse(products))
    if (areAlike(first, second) && canWait(first.getResult(), second))
      return first;
  return {};
}

namespace {
struct PairContracts : tpc::impl::PairContractsBase<PairContracts> {
  void runOnOperation() override {
    std::unique_ptr<TargetInfo> target = TargetInfo::get(getOperation());
    if (!target)
      return signalPassFailure();
    if (!target->pairsContracts())
      return;
    for (func::FuncOp entry : getEntries(getOperation()))
      run(entry.getBody().front());
  }

  void run(Block &block) {
    SmallVector<ContractOp> alone;
    for (ContractOp product : llvm::to_vector(block.getOps<ContractOp>())) {
      ContractOp partner = findPartner(product, alone);
      if (!partner) {
        alone.push_back(product);
        continue;
      }
      llvm::erase(alone, partner);
      pair(partner, product);
      numPairs += 1;
    }
  }
};
} // namespace
