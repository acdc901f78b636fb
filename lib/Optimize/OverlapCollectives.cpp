//===- OverlapCollectives.cpp - the pass tpc-overlap-collectives -----------===//

#include "DeferProducts.h"
#include "SynchronousForm.h"
#include "WindowMemory.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Optimize/ChunkMark.h"
#include "tpc/Optimize/Passes.h"

#define DEBUG_TYPE "tpc-overlap-collectives"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_OVERLAPCOLLECTIVES
#include "tpc/Optimize/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static bool movesData(Operation *op) { return getTraffic(op).has_value(); }

static bool isReshape(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

namespace {

/// When a collective is under way. Times are gaps between the ops of a block: gap g lies before op
/// number g, so an op that executes by itself at its place p is under way from p to p + 1.
struct Window {
  Operation *collective;
  int64_t place, start, wait;
  bool isOpen() const { return start < place || wait > place + 1; }
};

/// Schedules the collectives of one block.
class BlockOverlap {
public:
  BlockOverlap(Block &block, int64_t memoryCap) : block(block), memoryCap(memoryCap) {}

  void run() {
    numberOps();
    for (Operation *op : ops)
      if (movesData(op))
        addWindow(op);
  }

  int64_t getMostAddedBytes() const { return *llvm::max_element(added); }
  unsigned getNumStarted() const { return llvm::count_if(windows, isOpen); }
  /// Collectives that stay synchronous though something is computed before them and after them.
  SmallVector<Operation *> getStuck() const;
  /// Why a collective is stuck.
  bool lacksMemory(Operation *collective) const { return cramped.contains(collective); }

  /// Splits the collectives that are started. Ops found before are gone then.
  void rebuild();

private:
  void numberOps();
  int64_t getReady(Value value) const;
  int64_t getFirstUse(Operation *collective) const;
  bool reachesCollective(Operation *user) const;
  bool hasWork(int64_t start, int64_t wait) const { return work[wait] != work[start]; }
  void addWindow(Operation *collective);
  int64_t getAddedBytes(const Window &window, const WindowMemory &memory, int64_t number) const;
  void fitMemory(Window &window, const WindowMemory &memory);
  static bool isOpen(const Window &window) { return window.isOpen(); }
  void place(Operation *op);
  void placeOperands(Operation *collective);

  Block &block;
  const int64_t memoryCap;
  SmallVector<Operation *> ops;
  llvm::DenseMap<Operation *, int64_t> numbers;
  SmallVector<int64_t> work;  ///< ops that compute something, before each gap
  SmallVector<int64_t> added; ///< bytes that windows add to the memory in use, for each op
  SmallVector<Window> windows;
  llvm::DenseSet<Operation *> cramped; ///< would overlap if there were more memory
  llvm::DenseSet<Operation *> placed;
};

} // namespace

//===----------------------------------------------------------------------===//
// What depends on what
//===----------------------------------------------------------------------===//

/// Reshapes are free; each moves to its first user, so that it asks for no value earlier than that.
static void sinkReshapes(Block &block) {
  llvm::DenseMap<Operation *, int64_t> places; ///< of what moved, that of the op it moved to
  for (Operation &op : block)
    places.try_emplace(&op, places.size());
  auto isBefore = [&](Operation *a, Operation *b) {
    return places[a] != places[b] ? places[a] < places[b] : a != b && a->isBeforeInBlock(b);
  };
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (!isReshape(&op) || op.use_empty())
      continue;
    Operation *first = *op.user_begin();
    for (Operation *user : op.getUsers())
      if (isBefore(user, first))
        first = user;
    op.moveBefore(first);
    places[&op] = places[first];
  }
}

void BlockOverlap::numberOps() {
  work.push_back(0);
  for (Operation &op : block) {
    numbers[&op] = ops.size();
    ops.push_back(&op);
    bool computes = !isReshape(&op) && !movesData(&op) &&
                    llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>);
    work.push_back(work.back() + computes);
  }
  added.assign(ops.size(), 0);
}

/// The first gap at which `value` exists.
int64_t BlockOverlap::getReady(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return 0;
  return isReshape(op) ? getReady(op->getOperand(0)) : numbers.lookup(op) + 1;
}

/// True if `user` is a collective, or a reshape for one.
bool BlockOverlap::reachesCollective(Operation *user) const {
  return movesData(user) ||
         (isReshape(user) &&
          llvm::any_of(user->getUsers(), [&](Operation *next) { return reachesCollective(next); }));
}

/// The gap before the first op that needs the collective's result. Another collective may start as
/// soon as its operand exists, so for it the result is needed at once.
int64_t BlockOverlap::getFirstUse(Operation *collective) const {
  int64_t first = ops.size() - 1; // the terminator
  for (Operation *user : collective->getUsers())
    first = std::min(first, reachesCollective(user) ? numbers.lookup(collective) + 1
                                                    : numbers.lookup(user));
  return first;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// Links carry one collective after the other: it must not delay one that is needed sooner, but
/// overtakes those that are needed later.
void BlockOverlap::addWindow(Operation *collective) {
  int64_t place = numbers.lookup(collective);
  Window window{collective, place, 0, getFirstUse(collective)};
  for (Value operand : collective->getOperands())
    window.start = std::max(window.start, getReady(operand));
  for (const Window &earlier : windows)
    if (earlier.wait <= window.wait)
      window.start = std::max(window.start, earlier.start);
  bool overlaps = hasWork(window.start, window.wait);
  WindowMemory memory(collective);
  fitMemory(window, memory);
  if (!hasWork(window.start, window.wait)) {
    window.start = place, window.wait = place + 1;
    if (overlaps)
      cramped.insert(collective);
  }
  windows.push_back(window);
  for (int64_t number = window.start; number < window.wait; ++number)
    added[number] += getAddedBytes(window, memory, number);
}

int64_t BlockOverlap::getAddedBytes(const Window &window, const WindowMemory &memory,
                                    int64_t number) const {
  if (number == window.place)
    return 0;
  return number < window.place ? memory.getBytesBefore() : memory.getBytesDuring(ops[number]);
}

/// Narrows the window around the collective's place to where the memory suffices.
void BlockOverlap::fitMemory(Window &window, const WindowMemory &memory) {
  auto fits = [&](int64_t number) {
    return !memoryCap || added[number] + getAddedBytes(window, memory, number) <= memoryCap;
  };
  int64_t wait = window.place + 1, start = window.place;
  while (wait < window.wait && fits(wait))
    ++wait;
  while (start > window.start && fits(start - 1))
    --start;
  window.start = start;
  window.wait = wait;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// The form of `collective` that only starts, and its wait, both where it stands.
static std::pair<Operation *, Operation *> split(Operation *collective) {
  OpBuilder builder(collective);
  auto tensors = llvm::map_to_vector(collective->getResultTypes(), llvm::CastTo<RankedTensorType>);
  OperationState state(collective->getLoc(), collective->getName(), collective->getOperands(),
                       PendingType::get(builder.getContext(), tensors), collective->getAttrs());
  Operation *start = builder.create(state);
  auto wait = WaitOp::create(builder, collective->getLoc(), start->getResult(0));
  collective->replaceAllUsesWith(wait.getResults());
  collective->erase();
  return {start, wait};
}

/// Moves `op` behind all that is placed already.
void BlockOverlap::place(Operation *op) {
  if (placed.insert(op).second)
    op->moveBefore(&block, block.end());
}

/// Reshapes of a collective's operands come along.
void BlockOverlap::placeOperands(Operation *collective) {
  for (Value operand : collective->getOperands())
    if (Operation *op = operand.getDefiningOp(); isReshape(op)) {
      placeOperands(op);
      place(op);
    }
}

void BlockOverlap::rebuild() {
  SmallVector<SmallVector<Operation *, 1>> starts(ops.size()), waits(ops.size());
  for (const Window &window : windows) {
    if (!window.isOpen())
      continue;
    auto [start, wait] = split(window.collective);
    starts[window.start].push_back(start);
    waits[window.wait].push_back(wait);
    ops[window.place] = nullptr;
  }
  for (auto [gap, op] : llvm::enumerate(ops)) {
    for (Operation *wait : waits[gap])
      place(wait);
    for (Operation *start : starts[gap]) {
      placeOperands(start);
      place(start);
    }
    if (op)
      place(op);
  }
}

SmallVector<Operation *> BlockOverlap::getStuck() const {
  SmallVector<Operation *> stuck;
  for (const Window &window : windows)
    if (!window.isOpen() && hasWork(0, window.place) && hasWork(window.place, ops.size()))
      stuck.push_back(window.collective);
  return stuck;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct OverlapCollectives : tpc::impl::OverlapCollectivesBase<OverlapCollectives> {
  using OverlapCollectivesBase::OverlapCollectivesBase;

  void runOnOperation() override {
    if (memoryCap < 0) {
      getOperation().emitError("memory-cap is a number of bytes, got ") << memoryCap.getValue();
      return signalPassFailure();
    }
    llvm::Expected<MachineModel> model = MachineModel::load(machine);
    if (!model) {
      getOperation().emitError(llvm::toString(model.takeError()));
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(TPCDialect::kKernel))
        if (failed(overlap(function, *model)))
          return signalPassFailure();
  }

  LogicalResult overlap(func::FuncOp function, const MachineModel &model);
  LogicalResult checkAllOverlap(const BlockOverlap &schedule, const CostModel &cost);
};

} // namespace

LogicalResult OverlapCollectives::overlap(func::FuncOp function, const MachineModel &model) {
  if (failed(verifySynchronousBlock(function)))
    return failure();
  Block &block = function.getBody().front();
  MeshOp mesh = getMesh(getOperation());
  CostModel cost(mesh ? mesh.getMesh().getMesh() : Mesh(), model);
  sinkReshapes(block);
  numDeferred += deferProducts(block, model, cost, memoryCap);
  BlockOverlap schedule(block, memoryCap);
  schedule.run();
  numStarted += schedule.getNumStarted();
  addedBytes.updateMax(schedule.getMostAddedBytes());
  if (require && failed(checkAllOverlap(schedule, cost)))
    return failure();
  schedule.rebuild();
  return success();
}

/// A collective whose time is mostly latency has too little to hide.
static bool movesLittle(Operation *collective, const CostModel &cost) {
  CollectiveTraffic traffic = *getTraffic(collective);
  double latency = cost.getSeconds(traffic.kind, traffic.axes, 0);
  return cost.getSeconds(traffic.kind, traffic.axes, static_cast<double>(traffic.operandBytes)) <
         2 * latency;
}

LogicalResult OverlapCollectives::checkAllOverlap(const BlockOverlap &schedule,
                                                  const CostModel &cost) {
  bool failing = false;
  for (Operation *collective : schedule.getStuck()) {
    if (collective->hasAttr(kChunkMark) || movesLittle(collective, cost))
      continue;
    failing = true;
    if (schedule.lacksMemory(collective)) {
      collective->emitOpError("cannot overlap with computation: it would add up to ")
          << WindowMemory(collective).getMostBytes()
          << " bytes to the memory in use, more than what is left of the " << memoryCap.getValue()
          << " that --overlap-memory allows";
      continue;
    }
    InFlightDiagnostic diagnostic = collective->emitOpError(
        "cannot overlap with computation: nothing that is independent of it can be computed "
        "between its operands and the first use of its result");
    for (Operation *user : collective->getUsers()) {
      diagnostic.attachNote(user->getLoc()) << "used here";
      break;
    }
  }
  return failure(failing);
}
