//===- DeferProducts.cpp ---------------------------------------------------===//

#include "DeferProducts.h"
#include "WindowMemory.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include <set>

using namespace mlir;
using namespace tpc;

namespace {
class Deferral {
public:
  Deferral(Block &block, const MachineModel &machine, const CostModel &cost, int64_t memoryCap)
      : block(block), machine(machine), cost(cost), memoryCap(memoryCap) {}
  unsigned run();

private:
  double getSeconds(Operation *op) const;
  double getCollectiveSeconds(Operation *collective) const;
  Operation *getReady(Operation *collective) const;
  Operation *getFirstUser(Operation *collective) const;
  double reserve(Operation *collective, Operation *ready, double need);
  void number();
  int64_t getPlace(Operation *op) const { return places.lookup(op); }
  void openUpTo(Operation *collective);
  void open(Operation *product);
  bool canFollow(Operation *product, Operation *collective) const;
  bool fitsMemory(Operation *product, Operation *collective);
  void cover(Operation *collective);
  void move(Operation *product, Operation *collective);

  Block &block;
  const MachineModel &machine;
  const CostModel &cost;
  const int64_t memoryCap;
  llvm::DenseSet<Operation *> reserved;      ///< covers a collective already
  llvm::DenseMap<Operation *, int64_t> kept; ///< bytes kept over an op for products put off
  std::vector<Operation *> ops;              ///< as they stood
  /// The index in `ops`, or where an op moved to that of the collective it follows.
  llvm::DenseMap<Operation *, int64_t> places;
  int64_t opened = 0; ///< of `ops`, those that `openProducts` was told of
  /// Places of products before a collective that may be needed after it only: the few that a
  /// collective need look at.
  std::set<int64_t> openProducts;
  unsigned moved = 0;
};
} // namespace

double Deferral::getSeconds(Operation *op) const {
  std::optional<Work> work = getWork(op);
  return work ? machine.getSeconds(*work) : 0;
}

double Deferral::getCollectiveSeconds(Operation *collective) const {
  CollectiveTraffic traffic = *getTraffic(collective);
  return cost.getSeconds(traffic.kind, traffic.axes, static_cast<double>(traffic.operandBytes));
}

static bool isReshape(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

/// The op after which all operands exist; null if they are arguments.
Operation *Deferral::getReady(Operation *collective) const {
  Operation *last = nullptr;
  for (Value value : collective->getOperands()) {
    Operation *op = value.getDefiningOp();
    while (op && isReshape(op))
      op = op->getOperand(0).getDefiningOp();
    if (op && (!last || last->isBeforeInBlock(op)))
      last = op;
  }
  return last;
}

Operation *Deferral::getFirstUser(Operation *collective) const {
  Operation *first = block.getTerminator();
  for (Operation *user : collective->getUsers())
    if (user->isBeforeInBlock(first))
      first = user;
  return first;
}

/// What the collective overlaps with as it stands is kept for it. Returns the seconds of `need`
/// that are left.
double Deferral::reserve(Operation *collective, Operation *ready, double need) {
  auto take = [&](Operation *op) {
    if (reserved.insert(op).second)
      need -= getSeconds(op);
  };
  Operation *user = getFirstUser(collective);
  for (Operation *op = collective->getNextNode(); need > 0 && op != user; op = op->getNextNode())
    take(op);
  for (Operation *op = collective->getPrevNode(); need > 0 && op && op != ready;
       op = op->getPrevNode())
    take(op);
  return need;
}

void Deferral::number() {
  for (Operation &op : block) {
    places[&op] = static_cast<int64_t>(ops.size());
    ops.push_back(&op);
  }
}

void Deferral::open(Operation *op) {
  auto cost = dyn_cast<CostOpInterface>(op);
  if (cost && cost.getWorkKind() == WorkKind::Contract)
    openProducts.insert(getPlace(op));
}

void Deferral::openUpTo(Operation *collective) {
  for (; opened < getPlace(collective); ++opened)
    open(ops[opened]);
}

/// Nothing up to the collective needs the product.
bool Deferral::canFollow(Operation *product, Operation *collective) const {
  int64_t place = getPlace(collective);
  return !reserved.contains(product) && llvm::all_of(product->getUsers(), [&](Operation *user) {
    return getPlace(user) >= place && user != collective;
  });
}

/// Counts the product's operands over the ops that it would pass and that nothing else keeps them
/// for, if they fit.
bool Deferral::fitsMemory(Operation *product, Operation *collective) {
  auto passed =
      llvm::make_range(std::next(product->getIterator()), std::next(collective->getIterator()));
  llvm::SmallDenseMap<Operation *, int64_t> added;
  llvm::SmallDenseSet<Value> operands(product->operand_begin(), product->operand_end());
  for (Value operand : operands) {
    Operation *last = getLastReader(operand, product);
    for (Operation &op : passed)
      if (!last || last->isBeforeInBlock(&op))
        added[&op] += getBytes(operand.getType());
  }
  auto overflows = [&](auto &entry) { return kept.lookup(entry.first) + entry.second > memoryCap; };
  if (memoryCap && llvm::any_of(added, overflows))
    return false;
  for (auto [op, bytes] : added)
    kept[op] += bytes;
  return true;
}

/// In front of what moved before, which stood behind it. What its operands come from is needed
/// later now.
void Deferral::move(Operation *product, Operation *collective) {
  product->moveAfter(collective);
  places[product] = getPlace(collective);
  reserved.insert(product);
  ++moved;
  for (Value operand : product->getOperands())
    if (Operation *op = operand.getDefiningOp(); op && !reserved.contains(op))
      open(op);
}

void Deferral::cover(Operation *collective) {
  Operation *ready = getReady(collective);
  double need = reserve(collective, ready, getCollectiveSeconds(collective));
  if (!ready)
    return;
  openUpTo(collective);
  for (auto next = openProducts.upper_bound(getPlace(ready));
       need > 0 && next != openProducts.begin();) {
    Operation *product = ops[*--next];
    bool follows = canFollow(product, collective);
    if (follows && !fitsMemory(product, collective))
      continue;
    next = openProducts.erase(next);
    if (!follows)
      continue;
    need -= getSeconds(product);
    move(product, collective);
  }
}

unsigned Deferral::run() {
  number();
  SmallVector<Operation *> collectives;
  for (Operation &op : block)
    if (getTraffic(&op))
      collectives.push_back(&op);
  for (Operation *collective : collectives)
    cover(collective);
  return moved;
}

unsigned tpc::deferProducts(Block &block, const MachineModel &machine, const CostModel &cost,
                            int64_t memoryCap) {
  return Deferral(block, machine, cost, memoryCap).run();
}
