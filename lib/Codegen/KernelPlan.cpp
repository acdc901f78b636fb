//===- KernelPlan.cpp ----------------------------------------------------------===//

#include "KernelPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tpc;

/// What one thread gets at least, in elements touched: about ten microseconds of work.
static constexpr int64_t kElementsPerPiece = 16384;
/// Pieces of elementwise kernels are whole vectors.
static constexpr int64_t kElementGrain = 4096;

//===-- spaces -----------------------------------------------------------------===//

Operation *tpc::getOnlyOp(func::FuncOp kernel) {
  for (Operation &op : kernel.getBody().front())
    if (getPlacement(&op) == Placement::Alone)
      return &op;
  return nullptr;
}

static KernelLoop getLoopOf(Operation *op) {
  return isa<RopeOp>(op)        ? KernelLoop::Rope
         : isa<RopeTableOp>(op) ? KernelLoop::RopeTable
                                : KernelLoop::Copy;
}

/// The space of a broadcast or a constant.
static KernelSpace getInlineSpace(func::FuncOp kernel) {
  KernelSpace space;
  auto type = cast<RankedTensorType>(kernel.getResultTypes().front());
  space.shape = llvm::to_vector(type.getShape());
  for (BroadcastOp op : kernel.getOps<BroadcastOp>()) {
    int64_t count = op.getDims().size();
    if (getBroadcastKind(op) != BroadcastKind::Scalar)
      space.split = getBroadcastKind(op) == BroadcastKind::Rows ? count : type.getRank() - count;
  }
  return space;
}

/// Joins the spaces of all grid ops; those of the highest rank first, because only they say what a
/// row is.
static FailureOr<KernelSpace> getSpace(func::FuncOp kernel) {
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front())
    if (getPlacement(&op) == Placement::Grid)
      ops.push_back(&op);
  if (ops.empty())
    return getInlineSpace(kernel);
  size_t rank = 0;
  for (Operation *op : ops)
    rank = std::max(rank, KernelSpace::get(op).shape.size());
  auto isRows = [&](Operation *op) { return KernelSpace::get(op).shape.size() < rank; };
  SmallVector<Operation *> rowOps = llvm::filter_to_vector(ops, isRows);
  llvm::erase_if(ops, isRows);
  llvm::append_range(ops, rowOps);
  KernelSpace space = KernelSpace::get(ops.front());
  for (Operation *op : ArrayRef(ops).drop_front()) {
    std::optional<KernelSpace> joined = space.join(KernelSpace::get(op));
    if (!joined)
      return op->emitOpError("does not fit the iteration space of its kernel");
    space = *joined;
  }
  return space;
}

//===-- phases -----------------------------------------------------------------===//

BlockArgument tpc::getLoadedLogits(CrossEntropyOp op) {
  Value logits = op.getLogits();
  auto extended = logits.getDefiningOp<arith::ExtFOp>();
  if (extended && isNarrowFloat(getElementTypeOrSelf(extended.getIn().getType())))
    logits = extended.getIn();
  return dyn_cast<BlockArgument>(logits);
}

/// The target's logit can be loaded where logits and targets are operands; else it is a sum over
/// the one-hot row.
static bool isPick(Operation *op) {
  auto entropy = dyn_cast<CrossEntropyOp>(op);
  return entropy && getLoadedLogits(entropy) && isa<BlockArgument>(entropy.getTargets());
}

static bool isReduction(Operation *op) { return isa<ReduceOp, CrossEntropyOp>(op) && !isPick(op); }

int KernelPlan::getPhase(Value value) const {
  Operation *op = value.getDefiningOp();
  int phase = 0;
  if (op)
    for (Value operand : op->getOperands())
      phase = std::max(phase, getPhase(operand));
  return phase + (op && isReduction(op));
}

bool KernelPlan::isRowValue(Type type) const {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && space.split >= 0 &&
         tensor.getShape() == ArrayRef<int64_t>(space.shape).take_front(space.split);
}

void KernelPlan::schedule(func::FuncOp kernel) {
  auto at = [&](int phase) -> KernelPhase & {
    phases.resize(std::max<size_t>(phases.size(), phase + 1));
    return phases[phase];
  };
  for (Operation &op : kernel.getBody().front()) {
    if (isPick(&op))
      picks.push_back(cast<CrossEntropyOp>(op));
    else if (isReduction(&op) && !op.getResult(0).use_empty())
      at(getPhase(op.getResult(0)) - 1).reductions.push_back(op.getResult(0));
  }
  for (OpOperand &result : kernel.getBody().front().getTerminator()->getOpOperands()) {
    if (loop == KernelLoop::Rows && isRowValue(result.get().getType()))
      rowResults.push_back(result.getOperandNumber());
    else if (loop != KernelLoop::Columns)
      at(getPhase(result.get())).results.push_back(result.getOperandNumber());
  }
}

static LogicalResult verifyColumns(func::FuncOp kernel) {
  for (Value result : kernel.getBody().front().getTerminator()->getOperands())
    if (!result.getDefiningOp<ReduceOp>())
      return kernel.emitOpError("reduces columns, so it can return reductions only");
  return success();
}

FailureOr<KernelPlan> KernelPlan::get(func::FuncOp kernel) {
  KernelPlan plan;
  for (Operation &op : kernel.getBody().front()) {
    Placement placement = getPlacement(&op);
    if (placement == Placement::Unknown ||
        (placement == Placement::Entry && !isa<func::ReturnOp>(op)))
      return op.emitOpError("cannot be part of a kernel");
    auto entropy = dyn_cast<CrossEntropyOp>(op);
    if (entropy && !entropy.getLogSumExp().use_empty())
      return op.emitOpError(
          "expects its log_sum_exp to be expanded in a kernel: run tpc-form-kernels");
  }
  if (Operation *op = getOnlyOp(kernel)) {
    plan.loop = getLoopOf(op);
    return plan;
  }
  FailureOr<KernelSpace> space = getSpace(kernel);
  if (failed(space))
    return failure();
  plan.space = *space;
  if (plan.space.shape.empty())
    plan.space.split = 0; // scalars are one row without columns
  plan.loop = plan.space.columns      ? KernelLoop::Columns
              : plan.space.split >= 0 ? KernelLoop::Rows
                                      : KernelLoop::Elements;
  if (plan.space.columns && failed(verifyColumns(kernel)))
    return failure();
  plan.rowLength = plan.space.getColumns();
  if (plan.space.columns)
    plan.rowLength = ReductionShape::get(*kernel.getOps<ReduceOp>().begin()).inner;
  plan.schedule(kernel);
  return plan;
}

//===-- what the schedule needs to know ----------------------------------------===//

namespace {
/// Per argument the last phase in which its elements are read.
class LastReads {
public:
  LastReads(const KernelPlan &plan, func::FuncOp kernel) : plan(plan) {
    for (auto [number, result] :
         llvm::enumerate(kernel.getBody().front().getTerminator()->getOperands()))
      stored.try_emplace(result, plan.getPhase(result));
    for (auto [number, phase] : llvm::enumerate(plan.phases)) {
      for (OpResult reduction : phase.reductions)
        for (Value operand : reduction.getOwner()->getOperands())
          visit(operand, number);
      for (unsigned result : phase.results)
        visit(kernel.getBody().front().getTerminator()->getOperand(result), number);
    }
  }
  int lookup(Value argument) const { return reads.lookup(argument); }
  bool isReadByColumn(Value argument) const { return byColumn.contains(argument); }

private:
  void visit(Value value, int phase) {
    auto entry = stored.find(value);
    if (entry != stored.end() && entry->second < phase && plan.space.isFull(value.getType()))
      return; // read back from the result
    Operation *op = value.getDefiningOp();
    if (!op) {
      reads[value] = std::max(reads.lookup(value), phase);
      return;
    }
    auto broadcast = dyn_cast<BroadcastOp>(op);
    if (broadcast && getBroadcastKind(broadcast) == BroadcastKind::Columns)
      byColumn.insert(broadcast.getInput());
    if (plan.space.isFull(value.getType()))
      for (Value operand : op->getOperands())
        visit(operand, phase);
  }

  const KernelPlan &plan;
  llvm::DenseMap<Value, int> stored, reads;
  llvm::DenseSet<Value> byColumn;
};
} // namespace

SmallVector<SmallVector<int64_t>> KernelPlan::getInPlace(func::FuncOp kernel) const {
  SmallVector<SmallVector<int64_t>> inPlace(kernel.getNumResults());
  if (loop == KernelLoop::Rope)
    inPlace[0].push_back(0);
  if (loop != KernelLoop::Elements && loop != KernelLoop::Rows)
    return inPlace;
  LastReads reads(*this, kernel);
  for (auto [number, result] :
       llvm::enumerate(kernel.getBody().front().getTerminator()->getOperands()))
    for (BlockArgument argument : kernel.getArguments()) {
      if (argument.getType() != result.getType() || reads.isReadByColumn(argument))
        continue;
      if (isRowValue(result.getType()) || reads.lookup(argument) <= getPhase(result))
        inPlace[number].push_back(argument.getArgNumber());
    }
  return inPlace;
}

static int64_t getLength(Type type) { return cast<RankedTensorType>(type).getNumElements(); }

static int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

KernelInfo KernelPlan::getInfo(func::FuncOp kernel) const {
  KernelInfo info;
  info.inPlace = getInPlace(kernel);
  int64_t perIteration = 1, multiple = 1;
  switch (loop) {
  case KernelLoop::Elements:
    info.extent = getLength(kernel.getResultTypes().front());
    multiple = kElementGrain;
    break;
  case KernelLoop::Rows:
    info.extent = space.getRows();
    perIteration = space.getColumns();
    break;
  case KernelLoop::Columns:
    info.extent = getLength(kernel.getResultTypes().front());
    perIteration =
        getLength(RankedTensorType::get(space.shape, Builder(kernel.getContext()).getF32Type())) /
        std::max<int64_t>(info.extent, 1);
    multiple = 64;
    break;
  case KernelLoop::Copy: {
    auto type = cast<RankedTensorType>(kernel.getResultTypes().front());
    perIteration = type.getRank() ? type.getShape().back() : 1;
    info.extent = perIteration ? type.getNumElements() / perIteration : 0;
    break;
  }
  case KernelLoop::Rope: {
    auto type = cast<RankedTensorType>(kernel.getResultTypes().front());
    info.extent = type.getDimSize(0) * type.getDimSize(1);
    perIteration = info.extent ? type.getNumElements() / info.extent : 1;
    break;
  }
  case KernelLoop::RopeTable: {
    auto type = cast<RankedTensorType>(kernel.getResultTypes().front());
    info.extent = type.getDimSize(0);
    perIteration = type.getDimSize(1) * 32; // a cosine costs as much as many loads
    break;
  }
  }
  info.grain = divideUp(divideUp(kElementsPerPiece, std::max<int64_t>(perIteration, 1)), multiple) *
               multiple;
  return info;
}
