//===- DeferProducts.cpp ---------------------------------------------------===//

#include "DeferProducts.h"
#include "WindowMemory.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/CollectiveTraffic.h"

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
  bool canFollow(Operation *product, Operation *collective) const;
  bool fitsMemory(Operation *product, Operation *collective);
  void cover(Operation *collective);

  Block &block;
  const MachineModel &machine;
  const CostModel &cost;
  const int64_t memoryCap;
  llvm::DenseSet<Operation *> reserved;      ///< covers a collective already
  llvm::DenseMap<Operation *, int64_t> kept; ///< bytes kept over an op for products put off
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

/// Nothing up to the collective needs the product.
bool Deferral::canFollow(Operation *product, Operation *collective) const {
  auto cost = dyn_cast<CostOpInterface>(product);
  return cost && cost.getWorkKind() == WorkKind::Contract && !reserved.contains(product) &&
         llvm::all_of(product->getUsers(),
                      [&](Operation *user) { return collective->isBeforeInBlock(user); });
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

void Deferral::cover(Operation *collective) {
  Operation *ready = getReady(collective);
  double need = reserve(collective, ready, getCollectiveSeconds(collective));
  for (Operation *op = ready, *previous; need > 0 && op; op = previous) {
    previous = op->getPrevNode();
    if (!canFollow(op, collective) || !fitsMemory(op, collective))
      continue;
    need -= getSeconds(op);
    reserved.insert(op);
    // In front of what moved before, which stood behind it.
    op->moveAfter(collective);
    ++moved;
  }
}

unsigned Deferral::run() {
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
