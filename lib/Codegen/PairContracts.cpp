//===- PairContracts.cpp - two products of one shape become one call ------------===//

#include "tpc/Codegen/Passes.h"
#include "tpc/Codegen/Schedule.h"
#include "tpc/Codegen/TargetInfo.h"
#include <array>

#define DEBUG_TYPE "tpc-pair-contracts"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_PAIRCONTRACTS
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// Whether both are alike but for what they multiply.
static bool areAlike(ContractOp one, ContractOp other) {
  return one.getEquation() == other.getEquation() &&
         one->getOperandTypes() == other->getOperandTypes() && one.getType() == other.getType() &&
         !one.getAccumulate() && !other.getAccumulate();
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

namespace {
/// Products without a partner, in program order.
class LoneProducts {
public:
  void add(ContractOp op);
  void remove(ContractOp op);
  /// The last one that has a side in common with `second` and can be done where `second` stands.
  ContractOp findPartner(ContractOp second) const;

private:
  struct Entry {
    int64_t number = -1;
    ContractOp op;
  };
  using Side = std::pair<unsigned, Value>; ///< left or right, and what is there
  static std::array<Side, 2> getSides(ContractOp op) {
    return {Side(0, op.getLhs()), Side(1, op.getRhs())};
  }

  llvm::DenseMap<Side, SmallVector<Entry>> bySide;
  int64_t count = 0;
};
} // namespace

void LoneProducts::add(ContractOp op) {
  for (Side side : getSides(op))
    bySide[side].push_back({count, op});
  ++count;
}

void LoneProducts::remove(ContractOp op) {
  for (Side side : getSides(op))
    llvm::erase_if(bySide[side], [&](Entry entry) { return entry.op == op; });
}

ContractOp LoneProducts::findPartner(ContractOp second) const {
  Entry last;
  for (Side side : getSides(second)) {
    auto found = bySide.find(side);
    if (found == bySide.end())
      continue;
    for (Entry entry : found->second)
      if (entry.number > last.number && areAlike(entry.op, second) &&
          canWait(entry.op.getResult(), second))
        last = entry;
  }
  return last.op;
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
    LoneProducts alone;
    for (ContractOp product : llvm::to_vector(block.getOps<ContractOp>())) {
      ContractOp partner = alone.findPartner(product);
      if (!partner) {
        alone.add(product);
        continue;
      }
      alone.remove(partner);
      pair(partner, product);
      numPairs += 1;
    }
  }
};
} // namespace
