//===- SimplifyCollectives.cpp - the pass tpc-simplify-collectives ---------===//

#include "CollectivePatterns.h"
#include "SynchronousForm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Optimize/Passes.h"
#include <unordered_set>

#define DEBUG_TYPE "tpc-simplify-collectives"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_SIMPLIFYCOLLECTIVES
#include "tpc/Optimize/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// Equal collectives: the same op of the same operands; what is noted on them does not count.
struct CollectiveHash {
  size_t operator()(Operation *op) const {
    return llvm::hash_combine(op->getName(),
                              op->getName().hashOpProperties(op->getPropertiesStorage()),
                              llvm::hash_combine_range(op->operand_begin(), op->operand_end()));
  }
};
struct CollectiveEqual {
  bool operator()(Operation *a, Operation *b) const {
    return a->getName() == b->getName() && llvm::equal(a->getOperands(), b->getOperands()) &&
           a->getResultTypes() == b->getResultTypes() &&
           a->getName().compareOpProperties(a->getPropertiesStorage(), b->getPropertiesStorage());
  }
};

/// Counts the patterns that were applied, by their labels.
struct RewriteCounter : RewriterBase::Listener {
  void notifyPatternEnd(const Pattern &pattern, LogicalResult result) override {
    if (succeeded(result))
      ++counts[pattern.getDebugLabels().front()];
  }
  llvm::StringMap<int64_t> counts;
};

} // namespace

static bool isCollective(Operation *op) {
  return isa<AllGatherOp, AllReduceOp, ReduceScatterOp, AllToAllOp, PermuteOp, ShardSliceOp,
             AxisIndexOp>(op);
}

/// Erases collectives that repeat an earlier one; returns how many.
static unsigned mergeEqual(func::FuncOp function) {
  std::unordered_set<Operation *, CollectiveHash, CollectiveEqual> seen;
  unsigned merged = 0;
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (!isCollective(&op))
      continue;
    auto [first, inserted] = seen.insert(&op);
    if (inserted)
      continue;
    (*first)->setLoc(getCombinedLoc(op.getContext(), {(*first)->getLoc(), op.getLoc()}));
    op.replaceAllUsesWith(*first);
    op.erase();
    ++merged;
  }
  return merged;
}

namespace {

struct SimplifyCollectives : tpc::impl::SimplifyCollectivesBase<SimplifyCollectives> {
  using SimplifyCollectivesBase::SimplifyCollectivesBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateCollectivePatterns(set);
    if (!keepGathers)
      populateGatherPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(TPCDialect::kKernel) &&
          failed(simplify(function)))
        return signalPassFailure();
  }

private:
  /// Equal ones are merged first, so that a value cut twice alike has one use, and last, as
  /// rewrites make new ones.
  LogicalResult simplify(func::FuncOp function) {
    if (failed(verifySynchronousBlock(function)))
      return failure();
    RewriteCounter counter;
    GreedyRewriteConfig config;
    config.setListener(&counter)
        .enableFolding(false)
        .enableConstantCSE(false)
        .setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    TrafficSum before, after;
    before.add(function);
    unsigned merged = 0;
    do {
      numMerged += merged = mergeEqual(function);
      if (failed(applyPatternsGreedily(function, patterns, config)))
        return function.emitError("rewriting of collectives does not end");
    } while (merged);
    numMerged += mergeEqual(function);
    numScattered += counter.counts.lookup(kScatterLabel);
    numGathers += counter.counts.lookup(kGatherLabel);
    numSums += counter.counts.lookup(kSumLabel);
    after.add(function);
    numCollectives += before.collectives - after.collectives;
    numBytes += before.receivedBytes - after.receivedBytes;
    return success();
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
