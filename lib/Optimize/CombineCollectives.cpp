//===- CombineCollectives.cpp - the pass tpc-combine-collectives -----------===//

#include "JoinShards.h"
#include "SynchronousForm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Optimize/Passes.h"
#include "tpc/Propagation/PropagationGraph.h"
#include "llvm/ADT/BitVector.h"

#define DEBUG_TYPE "tpc-combine-collectives"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_COMBINECOLLECTIVES
#include "tpc/Optimize/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// all_reduces that will be one.
struct Bucket {
  SmallVector<AllReduceOp> members;
  int64_t bytes = 0;
  llvm::BitVector
      dependences; ///< numbers of the buckets that some member depends on, directly or not
};

/// Sorts the all_reduces of one block into buckets, in program order, such that no bucket depends
/// on itself, be it through others: of a1, b1, a2 = f(b1), b2 = g(a1) only one pair may meet.
class BucketSorter {
public:
  BucketSorter(int64_t maxMemberBytes, int64_t maxBytes)
      : maxMemberBytes(maxMemberBytes), maxBytes(maxBytes) {}

  void run(Block &block) {
    for (Operation &op : block) {
      llvm::BitVector known;
      for (Value operand : op.getOperands())
        if (auto definer = dependences.find(operand.getDefiningOp()); definer != dependences.end())
          known |= definer->second;
      if (auto reduce = dyn_cast<AllReduceOp>(op))
        add(reduce, known);
      dependences[&op] = std::move(known);
    }
  }
  MutableArrayRef<Bucket> getBuckets() { return buckets; }

private:
  static int64_t getBytes(AllReduceOp op) {
    int64_t bytes = 0;
    for (Type type : op.getResultTypes())
      bytes += tpc::getBytes(type);
    return bytes;
  }

  static bool travelAlike(AllReduceOp a, AllReduceOp b) {
    return a.getKind() == b.getKind() && a.getMeshAttr() == b.getMeshAttr() &&
           a.getAxes() == b.getAxes() &&
           getElementTypeOrSelf(a.getResult(0)) == getElementTypeOrSelf(b.getResult(0));
  }

  void add(AllReduceOp op, llvm::BitVector &known) {
    int64_t bytes = getBytes(op);
    if (bytes > maxMemberBytes)
      return;
    for (int number = known.find_first(); number != -1; number = known.find_next(number))
      known |= buckets[number].dependences;
    unsigned number = 0;
    for (; number < buckets.size(); ++number) {
      const Bucket &bucket = buckets[number];
      if (!contains(known, number) && bucket.bytes + bytes <= maxBytes &&
          travelAlike(bucket.members.front(), op))
        break;
    }
    if (number == buckets.size())
      buckets.emplace_back();
    buckets[number].members.push_back(op);
    buckets[number].bytes += bytes;
    addDependences(number, known);
    known.resize(std::max<unsigned>(known.size(), number + 1));
    known.set(number);
  }

  static bool contains(const llvm::BitVector &set, unsigned number) {
    return number < set.size() && set.test(number);
  }

  /// Buckets that depend on this one now depend on more.
  void addDependences(unsigned number, const llvm::BitVector &known) {
    buckets[number].dependences |= known;
    for (Bucket &bucket : buckets)
      if (contains(bucket.dependences, number))
        bucket.dependences |= known;
  }

  const int64_t maxMemberBytes, maxBytes;
  SmallVector<Bucket> buckets;
  /// Per op the buckets on whose members it depends.
  llvm::DenseMap<Operation *, llvm::BitVector> dependences;
};

} // namespace

/// Cuts of arguments that only `op` takes go where it goes: the argument stays in memory anyway,
/// its cut need not.
static void moveSlicesBefore(Operation *op) {
  for (Value operand : op->getOperands())
    if (auto slice = operand.getDefiningOp<ShardSliceOp>();
        slice && slice->hasOneUse() && isa<BlockArgument>(slice.getInput()))
      slice->moveBefore(op);
}

/// Moves what depends on a member but stands before `last` behind it, in its order.
static void moveUsersBehind(const Bucket &bucket, Operation *last) {
  llvm::SmallPtrSet<Operation *, 16> dependent;
  for (AllReduceOp member : bucket.members)
    dependent.insert(member);
  Operation *position = last;
  for (Operation *op = bucket.members.front()->getNextNode(), *next; op != last; op = next) {
    next = op->getNextNode();
    bool depends = llvm::any_of(op->getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && dependent.contains(operand.getDefiningOp());
    });
    if (!depends)
      continue;
    dependent.insert(op);
    op->moveAfter(position);
    moveSlicesBefore(op);
    position = op;
  }
}

static void combine(Bucket &bucket) {
  llvm::sort(bucket.members, [](AllReduceOp a, AllReduceOp b) { return a->isBeforeInBlock(b); });
  AllReduceOp first = bucket.members.front(), last = bucket.members.back();
  moveUsersBehind(bucket, last);
  SmallVector<Value> inputs;
  SmallVector<Location> locations;
  for (AllReduceOp member : bucket.members) {
    llvm::append_range(inputs, member.getInputs());
    locations.push_back(member.getLoc());
  }
  OpBuilder builder(last);
  auto combined = AllReduceOp::create(builder, getCombinedLoc(builder.getContext(), locations),
                                      ValueRange(inputs).getTypes(), first.getKindAttr(), inputs,
                                      first.getMeshAttr(), first.getAxes());
  // It runs in the latest phase that a member belongs to.
  AllReduceOp latest = *llvm::max_element(bucket.members, [](AllReduceOp a, AllReduceOp b) {
    return getMarkedPhase(a) < getMarkedPhase(b);
  });
  combined->setDiscardableAttrs(latest->getDiscardableAttrDictionary());
  unsigned result = 0;
  for (AllReduceOp member : bucket.members) {
    member.replaceAllUsesWith(combined.getResults().slice(result, member.getNumResults()));
    result += member.getNumResults();
    member.erase();
  }
}

namespace {

struct CombineCollectives : tpc::impl::CombineCollectivesBase<CombineCollectives> {
  using CombineCollectivesBase::CombineCollectivesBase;

  void runOnOperation() override {
    llvm::Expected<MachineModel> model = MachineModel::load(machine);
    if (!model) {
      getOperation().emitError(llvm::toString(model.takeError()));
      return signalPassFailure();
    }
    MeshOp mesh = getMesh(getOperation());
    CostModel cost(mesh ? mesh.getMesh().getMesh() : Mesh(), *model);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || function->hasAttr(TPCDialect::kKernel))
        continue;
      if (failed(verifySynchronousBlock(function)))
        return signalPassFailure();
      TrafficSum before, after;
      before.add(function);
      run(function.getBody().front(), cost);
      after.add(function);
      numCollectives += before.collectives - after.collectives;
      numBytes += before.receivedBytes - after.receivedBytes;
    }
  }

private:
  void run(Block &block, const CostModel &cost) {
    BucketSorter sorter(maxMemberBytes, maxBytes);
    sorter.run(block);
    for (Bucket &bucket : sorter.getBuckets())
      if (bucket.members.size() > 1) {
        combine(bucket);
        numCombined += bucket.members.size();
      }
    numCombined += joinShards(block, cost, {maxMemberBytes, maxBytes, maxDistance});
  }
};

} // namespace
