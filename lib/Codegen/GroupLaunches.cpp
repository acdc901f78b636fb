//===- GroupLaunches.cpp - launches of kernels alike become one ----------------===//

#include "KernelGroup.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Codegen/Schedule.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Regex.h"

#define DEBUG_TYPE "tpc-group-launches"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_GROUPLAUNCHES
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace tpc;

/// Pointers of a group: what fits into 4096 bytes, the parameters of a kernel on any GPU.
static constexpr size_t kMaxPointers = 512;
/// Results that would be dead by the time of the last launch may take this share of what is read.
static constexpr int64_t kSmallShare = 256;

//===-- which launches ---------------------------------------------------------===//

namespace {
/// Launches of kernels alike that can all run where the first of them stands.
class Candidates {
public:
  explicit Candidates(LaunchOp first) : launches{first}, readBytes(getReadBytes(first)) {}

  /// Takes `op` in if that is possible.
  bool add(LaunchOp op);
  ArrayRef<LaunchOp> getLaunches() const { return launches; }

  static int64_t getReadBytes(LaunchOp op);

private:
  bool hasRoom(LaunchOp op) const;
  int64_t getDeadBytes(Operation *at) const;

  SmallVector<LaunchOp> launches;
  int64_t readBytes;
};
} // namespace

/// Whether all have one value as this operand.
static bool isShared(ArrayRef<LaunchOp> launches, unsigned operand) {
  LaunchOp first = launches.front();
  return llvm::all_of(launches, [&](LaunchOp launch) {
    return launch->getOperand(operand) == first->getOperand(operand);
  });
}

/// Whether `value` exists at `at`, or is a reshape of what does.
static bool isReady(Value value, Operation *at) {
  Operation *origin = value.getDefiningOp();
  if (!origin || origin->isBeforeInBlock(at))
    return true;
  Value source = getAliasedOperand(origin);
  return source && isReady(source, at);
}

/// Finds the reshapes behind `at` that `value` is made by.
static void collectReshapes(Value value, Operation *at, SetVector<Operation *> &reshapes) {
  Operation *origin = value.getDefiningOp();
  if (!origin || reshapes.contains(origin) || origin->isBeforeInBlock(at))
    return;
  collectReshapes(getAliasedOperand(origin), at, reshapes);
  reshapes.insert(origin);
}

/// Brings the reshapes that `values` are made by in front of `at`. All are found first: a block
/// whose ops move numbers them anew to tell which stands before which.
static void moveReshapes(ValueRange values, Operation *at) {
  SetVector<Operation *> reshapes;
  for (Value value : values)
    collectReshapes(value, at, reshapes);
  for (Operation *reshape : reshapes)
    reshape->moveBefore(at);
}

static bool isAliveAt(Value value, Operation *at) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (!user->isBeforeInBlock(at))
      return true;
    Value alias = getAliasedOperand(user) ? Value(user->getResult(0)) : Value();
    return alias && isAliveAt(alias, at);
  });
}

int64_t Candidates::getReadBytes(LaunchOp op) {
  int64_t bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += getBytes(type);
  return bytes;
}

/// What of the results is kept to no end until `at`.
int64_t Candidates::getDeadBytes(Operation *at) const {
  int64_t bytes = 0;
  for (LaunchOp launch : launches)
    for (Value result : launch->getResults())
      if (!isAliveAt(result, at))
        bytes += getBytes(result.getType());
  return bytes;
}

bool Candidates::hasRoom(LaunchOp op) const {
  size_t shared = 0, all = op->getNumOperands() + op->getNumResults();
  for (unsigned number = 0; number < op->getNumOperands(); ++number)
    shared +=
        isShared(launches, number) && launches[0]->getOperand(number) == op->getOperand(number);
  return shared + (launches.size() + 1) * (all - shared) <= kMaxPointers;
}

bool Candidates::add(LaunchOp op) {
  int64_t bytes = readBytes + getReadBytes(op);
  bool ready = llvm::all_of(op->getOperands(),
                            [&](Value operand) { return isReady(operand, launches.front()); });
  if (!ready || !hasRoom(op) || getDeadBytes(op) * kSmallShare > bytes)
    return false;
  launches.push_back(op);
  readBytes = bytes;
  return true;
}

//===-- the group's kernel -----------------------------------------------------===//

namespace {
class GroupBuilder {
public:
  GroupBuilder(ArrayRef<LaunchOp> launches, SymbolTable &symbols)
      : launches(launches), symbols(symbols), first(launches.front()) {}

  /// Puts one launch where the first stands.
  LogicalResult replace();

private:
  bool isShared(unsigned operand) { return ::isShared(launches, operand); }
  std::string getName();
  FailureOr<func::FuncOp> buildKernel(ValueRange operands);
  SmallVector<Value> collectOperands();

  ArrayRef<LaunchOp> launches;
  SymbolTable &symbols;
  LaunchOp first;
};
} // namespace

/// What all launches share, then what each has of its own.
SmallVector<Value> GroupBuilder::collectOperands() {
  SmallVector<Value> operands;
  for (auto [number, operand] : llvm::enumerate(first.getInputs()))
    if (isShared(number))
      operands.push_back(operand);
  for (LaunchOp launch : launches)
    for (auto [number, operand] : llvm::enumerate(launch.getInputs()))
      if (!isShared(number))
        operands.push_back(operand);
  return operands;
}

/// `kernel_adamw_67_launches`: the members' name without a shape.
std::string GroupBuilder::getName() {
  std::string name = llvm::Regex("(_[0-9]+(x[0-9]+)*)+$").sub("", first.getKernel());
  return name + "_" + std::to_string(launches.size()) + "_launches";
}

FailureOr<func::FuncOp> GroupBuilder::buildKernel(ValueRange operands) {
  MLIRContext *context = first.getContext();
  auto kernel = func::FuncOp::create(first.getLoc(), getName(),
                                     FunctionType::get(context, operands.getTypes(), {}));
  kernel.setPrivate();
  OpBuilder builder = OpBuilder::atBlockBegin(kernel.addEntryBlock());
  unsigned next = llvm::count_if(llvm::seq<unsigned>(0, first->getNumOperands()),
                                 [&](unsigned number) { return isShared(number); });
  SmallVector<Value> results;
  for (LaunchOp launch : launches) {
    unsigned nextShared = 0;
    SmallVector<Value> own;
    for (unsigned number = 0; number < launch->getNumOperands(); ++number)
      own.push_back(kernel.getArgument(isShared(number) ? nextShared++ : next++));
    auto copy = LaunchOp::create(builder, launch.getLoc(), launch.getResultTypes(),
                                 launch.getKernel(), own);
    llvm::append_range(results, copy.getResults());
  }
  func::ReturnOp::create(builder, kernel.getLoc(), results);
  kernel.setFunctionType(
      FunctionType::get(context, operands.getTypes(), TypeRange(ValueRange(results))));
  kernel->setAttr(TPCDialect::kKernel, builder.getUnitAttr());
  symbols.insert(kernel);
  FailureOr<KernelGroup> group = KernelGroup::get(kernel);
  if (failed(group))
    return failure();
  kernel->setAttr(TPCDialect::kKernel, group->getInfo().toAttribute(context));
  return kernel;
}

LogicalResult GroupBuilder::replace() {
  SmallVector<Value> operands = collectOperands();
  moveReshapes(operands, first);
  FailureOr<func::FuncOp> kernel = buildKernel(operands);
  if (failed(kernel))
    return failure();
  OpBuilder builder(first);
  auto locations = llvm::map_to_vector(launches, [](LaunchOp launch) { return launch.getLoc(); });
  auto launch = LaunchOp::create(builder, builder.getFusedLoc(locations), kernel->getResultTypes(),
                                 kernel->getName(), operands);
  ResultRange::iterator next = launch->result_begin();
  for (LaunchOp old : launches) {
    for (Value result : old.getResults())
      result.replaceAllUsesWith(*next++);
    old.erase();
  }
  return success();
}

//===-- the pass ---------------------------------------------------------------===//

/// Replaces launches of kernels alike, in program order, by as few as possible.
static LogicalResult group(ArrayRef<LaunchOp> launches, SymbolTable &symbols) {
  std::vector<Candidates> groups;
  for (LaunchOp op : launches)
    if (groups.empty() || !groups.back().add(op))
      groups.emplace_back(op);
  for (const Candidates &candidates : groups)
    if (candidates.getLaunches().size() > 1 &&
        failed(GroupBuilder(candidates.getLaunches(), symbols).replace()))
      return failure();
  return success();
}

namespace {
struct GroupLaunches : tpc::impl::GroupLaunchesBase<GroupLaunches> {
  void runOnOperation() override;

private:
  using LaunchMap = llvm::MapVector<std::string, SmallVector<LaunchOp>, llvm::StringMap<unsigned>>;
  LaunchMap collect(func::FuncOp entry, SymbolTable &symbols);

  llvm::DenseMap<Operation *, std::string> likeness; ///< by kernel
};
} // namespace

/// The launches of an entry by the likeness of their kernels.
GroupLaunches::LaunchMap GroupLaunches::collect(func::FuncOp entry, SymbolTable &symbols) {
  LaunchMap launches;
  for (LaunchOp op : entry.getBody().front().getOps<LaunchOp>()) {
    auto kernel = symbols.lookup<func::FuncOp>(op.getKernel());
    if (!kernel)
      continue;
    auto [entry, added] = likeness.try_emplace(kernel);
    if (added)
      entry->second = KernelGroup::getLikeness(kernel);
    if (!entry->second.empty())
      launches[entry->second].push_back(op);
  }
  return launches;
}

/// One kind of kernel after the other: what is ready earlier now lets others be so, as the second
/// stages of sums.
void GroupLaunches::runOnOperation() {
  likeness.clear();
  SymbolTable symbols(getOperation());
  for (func::FuncOp entry : getEntries(getOperation()))
    for (auto &[key, launches] : collect(entry, symbols))
      if (failed(group(launches, symbols)))
        return signalPassFailure();
}
