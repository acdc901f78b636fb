//===- JoinShards.cpp ------------------------------------------------------===//

#include "JoinShards.h"
#include "Views.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/Provenance.h"

using namespace mlir;
using namespace tpc;

namespace {
/// In program order.
struct Group {
  SmallVector<Operation *> members;
  int64_t bytes = 0;
};

class Joiner {
public:
  Joiner(Block &block, const CostModel &cost, const JoinLimits &limits)
      : block(block), cost(cost), limits(limits) {}

  unsigned joinAtFirst();
  unsigned joinAtLast();

private:
  using Fits = llvm::function_ref<bool(const Group &, Operation *)>;
  SmallVector<Group> findGroups(Fits fits);
  void countWork();
  bool isSmall(Operation *op) const;

  Block &block;
  const CostModel &cost;
  const JoinLimits limits;
  llvm::DenseMap<Operation *, int64_t> work; ///< matrix products and attention before an op
};
} // namespace

//===-- what may travel together -----------------------------------------------===//

static int64_t getTotalBytes(TypeRange types) {
  int64_t bytes = 0;
  for (Type type : types)
    bytes += getBytes(type);
  return bytes;
}

static int64_t getShardBytes(Operation *op) {
  return std::min(getTotalBytes(op->getOperandTypes()), getTotalBytes(op->getResultTypes()));
}

static int64_t getWholeBytes(Operation *op) {
  return std::max(getTotalBytes(op->getOperandTypes()), getTotalBytes(op->getResultTypes()));
}

void Joiner::countWork() {
  work.clear();
  int64_t count = 0;
  for (Operation &op : block) {
    work[&op] = count;
    if (std::optional<Work> found = getWork(&op); found && found->kind != WorkKind::Elementwise)
      ++count;
  }
}

/// Is its latency more than its transfer?
bool Joiner::isSmall(Operation *op) const {
  if (!isa<AllGatherOp, ReduceScatterOp>(op) || getShardBytes(op) > limits.memberBytes)
    return false;
  CollectiveTraffic traffic = *getTraffic(op);
  double latency = cost.getSeconds(traffic.kind, traffic.axes, 0);
  return cost.getSeconds(traffic.kind, traffic.axes, static_cast<double>(traffic.operandBytes)) <=
         2 * latency;
}

/// One kind of collective, for one phase of the step, of one element type.
static bool travelAlike(Operation *a, Operation *b) {
  return a->getName() == b->getName() &&
         a->getName().compareOpProperties(a->getPropertiesStorage(), b->getPropertiesStorage()) &&
         a->getDiscardableAttrDictionary() == b->getDiscardableAttrDictionary() &&
         getElementTypeOrSelf(a->getOperand(0)) == getElementTypeOrSelf(b->getOperand(0));
}

SmallVector<Group> Joiner::findGroups(Fits fits) {
  countWork();
  SmallVector<Group> groups;
  for (Operation &op : block) {
    if (!isSmall(&op))
      continue;
    int64_t bytes = getWholeBytes(&op);
    auto found = llvm::find_if(groups, [&](const Group &group) {
      Operation *first = group.members.front();
      return work.lookup(&op) - work.lookup(first) <= limits.distance &&
             group.bytes + bytes <= limits.bytes && travelAlike(first, &op) && fits(group, &op);
    });
    Group &group = found == groups.end() ? groups.emplace_back() : *found;
    group.members.push_back(&op);
    group.bytes += bytes;
  }
  llvm::erase_if(groups, [](const Group &group) { return group.members.size() == 1; });
  return groups;
}

//===-- rewriting --------------------------------------------------------------===//

/// One op in front of `place` for all members.
static void join(const Group &group, Operation *place) {
  Operation *first = group.members.front();
  SmallVector<Value> operands;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (Operation *member : group.members) {
    llvm::append_range(operands, member->getOperands());
    llvm::append_range(types, member->getResultTypes());
    locations.push_back(member->getLoc());
  }
  OpBuilder builder(place);
  OperationState state(getCombinedLoc(builder.getContext(), locations), first->getName(), operands,
                       types, first->getAttrs());
  Operation *joined = builder.create(state);
  unsigned result = 0;
  for (Operation *member : group.members) {
    member->replaceAllUsesWith(joined->getResults().slice(result, member->getNumResults()));
    result += member->getNumResults();
  }
  for (Operation *member : group.members)
    member->erase();
}

static unsigned countMembers(ArrayRef<Group> groups) {
  unsigned count = 0;
  for (const Group &group : groups)
    count += group.members.size();
  return count;
}

/// Nothing uses a member's result up to `op`.
static bool canWait(const Group &group, Operation *op) {
  return llvm::all_of(group.members, [&](Operation *member) {
    return llvm::all_of(member->getUsers(),
                        [&](Operation *user) { return op->isBeforeInBlock(user); });
  });
}

unsigned Joiner::joinAtLast() {
  SmallVector<Group> groups = findGroups(canWait);
  for (const Group &group : groups)
    join(group, group.members.back());
  return countMembers(groups);
}

/// The op that has to move in front of `place` so that `value` exists there, if it can be.
static Operation *getMovable(Value value) {
  Operation *op = value.getDefiningOp();
  return op && (isView(op) || isa<ShardSliceOp>(op)) ? op : nullptr;
}

static bool existsBefore(Value value, Operation *place) {
  Operation *op = value.getDefiningOp();
  if (!op || op->isBeforeInBlock(place))
    return true;
  Operation *movable = getMovable(value);
  return movable && existsBefore(movable->getOperand(0), place);
}

static bool canHurry(const Group &group, Operation *op) {
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return existsBefore(operand, group.members.front()); });
}

/// Views of what exists come along.
static void moveBefore(Value value, Operation *place) {
  Operation *op = value.getDefiningOp();
  if (!op || op->isBeforeInBlock(place))
    return;
  moveBefore(op->getOperand(0), place);
  op->moveBefore(place);
}

unsigned Joiner::joinAtFirst() {
  SmallVector<Group> groups = findGroups(canHurry);
  for (const Group &group : groups) {
    Operation *first = group.members.front();
    for (Operation *member : group.members)
      for (Value operand : member->getOperands())
        moveBefore(operand, first);
    join(group, first);
  }
  return countMembers(groups);
}

unsigned tpc::joinShards(Block &block, const CostModel &cost, const JoinLimits &limits) {
  Joiner joiner(block, cost, limits);
  unsigned joined = joiner.joinAtLast();
  return joined + joiner.joinAtFirst();
}
