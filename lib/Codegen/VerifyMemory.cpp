//===- VerifyMemory.cpp - replays a planned schedule and checks every write ----===//

#include "SlotMap.h"
#include "tpc/Codegen/ArenaPlanner.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Codegen/Schedule.h"
#include "tpc/Codegen/TargetInfo.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {
#define GEN_PASS_DEF_VERIFYMEMORY
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

/// The value that first lay in the bytes of `value`: the operand of its reshapes and slices.
static Value getRoot(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    Value source = getAliasedOperand(op);
    if (!source)
      break;
    value = source;
  }
  return value;
}

namespace {
/// A started collective reads its operands until its wait, and keeps its results as long.
struct Read {
  Operation *reader;
  int64_t instant;
};

struct Live {
  Value root;
  SlotAttr slot;
  int64_t last; ///< instant of the last read
};

/// One parameter or state.
struct Home {
  SlotAttr slot;
  Location loc;
};

struct Homes {
  llvm::StringMap<Home> byKey;
  SlotMap<StringRef> keys;
};

/// Checks one entry.
class Replay {
public:
  Replay(func::FuncOp entry, const TargetInfo &target, DictionaryAttr arena, Homes &homes)
      : entry(entry), target(target), arena(arena), homes(homes) {}
  LogicalResult run();
  LogicalResult collectHomes(TypeRange types,
                             llvm::function_ref<DictionaryAttr(unsigned)> attributes);
  LogicalResult collectHomes();
  LogicalResult addHome(const std::string &key, SlotAttr slot);

private:
  LogicalResult checkArguments();
  LogicalResult checkOp(Operation *op, int64_t instant);
  LogicalResult checkSlot(Location loc, SlotAttr slot, Type type);
  LogicalResult checkWrite(Operation *op, int64_t instant, SlotAttr slot, Value result);
  bool canOverwrite(const Live &other, Operation *op, int64_t instant, SlotAttr slot, Value result);
  LogicalResult checkHomes(Operation *op, SlotAttr slot, Value result);
  LogicalResult checkWorkspace(Operation *op);
  LogicalResult checkResults(func::ReturnOp op);
  void computeReads();
  int64_t getLastRead(Value root) const;
  /// True if another op than `reader` reads the value after `instant`.
  bool isNeededByOthers(Value root, Operation *reader, int64_t instant) const;
  SlotAttr getSlot(Value value);

  func::FuncOp entry;
  const TargetInfo &target;
  DictionaryAttr arena;
  Homes &homes;
  llvm::DenseMap<Value, SmallVector<Read, 2>> reads; ///< by root
  llvm::DenseMap<Value, SmallVector<std::string, 1>>
      keysOf;         ///< root -> parameters whose memory it may be written to
  SlotMap<Live> live; ///< and some that no longer are
};

struct VerifyMemory : tpc::impl::VerifyMemoryBase<VerifyMemory> {
  void runOnOperation() override {
    auto arena = getOperation()->getAttrOfType<DictionaryAttr>(TPCDialect::kArena);
    if (!arena) {
      getOperation().emitError("expects tpc.arena on the module; tpc-plan-memory attaches it");
      return signalPassFailure();
    }
    std::unique_ptr<TargetInfo> target = TargetInfo::get(getOperation());
    if (!target)
      return signalPassFailure();
    Homes homes;
    for (func::FuncOp entry : getEntries(getOperation()))
      if (failed(Replay(entry, *target, arena, homes).collectHomes()))
        return signalPassFailure();
    for (func::FuncOp entry : getEntries(getOperation()))
      if (failed(verifySchedule(entry)) || failed(Replay(entry, *target, arena, homes).run()))
        return signalPassFailure();
  }
};
} // namespace

//===-- parameters and state ---------------------------------------------------===//

LogicalResult Replay::addHome(const std::string &key, SlotAttr slot) {
  auto [it, added] = homes.byKey.try_emplace(key, Home{slot, entry.getLoc()});
  if (!added) {
    if (it->second.slot == slot)
      return success();
    InFlightDiagnostic diagnostic = entry.emitOpError("parameter '")
                                    << key << "' lies elsewhere in another entry (C3)";
    diagnostic.attachNote(it->second.loc) << "the other entry";
    return diagnostic;
  }
  if (auto other = homes.keys.find(slot); other != homes.keys.end())
    return entry.emitOpError("parameter '")
           << key << "' overlaps '" << other->second.tenant << "' (C3)";
  homes.keys.insert(slot, it->first());
  return success();
}

LogicalResult Replay::collectHomes(TypeRange types,
                                   llvm::function_ref<DictionaryAttr(unsigned)> attributes) {
  for (unsigned number = 0, count = types.size(); number != count; ++number) {
    std::string key = getPersistentKey(attributes(number));
    if (key.empty())
      continue;
    auto slot = attributes(number).getAs<SlotAttr>(TPCDialect::kSlot);
    if (failed(checkSlot(entry.getLoc(), slot, types[number])))
      return failure();
    if (failed(addHome(key, slot)))
      return failure();
  }
  return success();
}

LogicalResult Replay::collectHomes() {
  if (failed(collectHomes(entry.getArgumentTypes(),
                          [&](unsigned i) { return entry.getArgAttrDict(i); })))
    return failure();
  return collectHomes(entry.getResultTypes(),
                      [&](unsigned i) { return entry.getResultAttrDict(i); });
}

/// C3: memory of parameters is written by their new values only.
LogicalResult Replay::checkHomes(Operation *op, SlotAttr slot, Value result) {
  auto home = homes.keys.find(slot);
  if (home == homes.keys.end())
    return success();
  StringRef key = home->second.tenant;
  if (llvm::is_contained(keysOf.lookup(result), key) && homes.byKey.find(key)->second.slot == slot)
    return success();
  return op->emitOpError("is written over parameter '") << key << "' (C3)";
}

//===-- slots ------------------------------------------------------------------===//

LogicalResult Replay::checkSlot(Location loc, SlotAttr slot, Type type) {
  if (!slot)
    return emitError(loc) << "expects a slot for every value (C1)";
  StringRef region = slot.getSpace() == SlotSpace::Private ? "private" : "shared";
  auto size = arena.getAs<IntegerAttr>(region);
  if (slot.getBytes() != tpc::getBytes(type))
    return emitError(loc) << "expects a slot of " << tpc::getBytes(type) << " bytes (C1), got "
                          << slot.getBytes();
  if (slot.getOffset() % kSlotAlignment)
    return emitError(loc) << "expects an offset that is a multiple of " << kSlotAlignment
                          << " (C1), got " << slot.getOffset();
  if (!size || slot.getOffset() < 0 || slot.getOffset() + slot.getBytes() > size.getInt())
    return emitError(loc) << "expects a slot inside the region (C1), got an end of "
                          << slot.getOffset() + slot.getBytes();
  return success();
}

SlotAttr Replay::getSlot(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return entry.getArgAttrOfType<SlotAttr>(argument.getArgNumber(), TPCDialect::kSlot);
  auto result = cast<OpResult>(value);
  auto slots = result.getOwner()->getAttrOfType<ArrayAttr>(TPCDialect::kSlots);
  unsigned number = result.getResultNumber();
  return slots && number < slots.size() ? dyn_cast<SlotAttr>(slots[number]) : SlotAttr();
}

//===-- replay -----------------------------------------------------------------===//

int64_t Replay::getLastRead(Value root) const {
  int64_t last = 0;
  for (const Read &read : reads.lookup(root))
    last = std::max(last, read.instant);
  return last;
}

bool Replay::isNeededByOthers(Value root, Operation *reader, int64_t instant) const {
  return llvm::any_of(reads.lookup(root), [&](const Read &read) {
    return read.reader != reader && read.instant > instant;
  });
}

void Replay::computeReads() {
  int64_t instant = 0;
  for (Operation &op : entry.getBody().front()) {
    ++instant;
    auto wait = dyn_cast<WaitOp>(op);
    for (Value operand : getReadValues(&op))
      reads[getRoot(operand)].push_back({wait ? wait.getPending().getDefiningOp() : &op, instant});
    if (wait)
      for (Value result : wait.getResults())
        reads[result].push_back({wait, instant});
  }
  auto terminator = cast<func::ReturnOp>(entry.getBody().front().getTerminator());
  for (auto [number, value] : llvm::enumerate(terminator.getOperands())) {
    std::string key = getPersistentKey(entry.getResultAttrDict(number));
    if (auto alias = entry.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
      key = getPersistentKey(entry.getArgAttrDict(alias.getInt()));
    if (!key.empty())
      keysOf[getRoot(value)].push_back(key);
  }
}

LogicalResult Replay::checkArguments() {
  for (BlockArgument argument : entry.getArguments()) {
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    SlotAttr slot = getSlot(argument);
    if (failed(checkSlot(argument.getLoc(), slot, argument.getType())))
      return failure();
    if (live.find(slot) != live.end())
      return emitError(argument.getLoc())
             << "argument " << argument.getArgNumber() << " overlaps another (C2)";
    live.insert(slot, {argument, slot, getLastRead(argument)});
  }
  return success();
}

bool Replay::canOverwrite(const Live &other, Operation *op, int64_t instant, SlotAttr slot,
                          Value result) {
  if (other.last < instant)
    return true;
  bool dies = !isNeededByOthers(other.root, op, instant) && other.root.getDefiningOp() != op;
  return dies && other.slot == slot &&
         toleratesOverwrite(op, cast<OpResult>(result).getResultNumber(),
                            [&](Value operand) { return getRoot(operand) == other.root; });
}

/// C2. What is written over need not be looked at again: the result lives at least as long.
LogicalResult Replay::checkWrite(Operation *op, int64_t instant, SlotAttr slot, Value result) {
  for (auto place = live.find(slot); place != live.end(); place = live.find(slot)) {
    const Live &other = place->second.tenant;
    if (!canOverwrite(other, op, instant, slot, result)) {
      InFlightDiagnostic diagnostic =
          op->emitOpError("result is written over a value that is still needed (C2)");
      diagnostic.attachNote(other.root.getLoc()) << "the value";
      return diagnostic;
    }
    live.erase(place);
  }
  live.insert(slot, {result, slot, std::max(instant, getLastRead(result))});
  return checkHomes(op, slot, result);
}

LogicalResult Replay::checkOp(Operation *op, int64_t instant) {
  for (Value result : getWrittenValues(op)) {
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    SlotAttr slot = getSlot(result);
    if (failed(checkSlot(op->getLoc(), slot, result.getType())))
      return failure();
    if (Value source = getAliasedOperand(op)) {
      SlotAttr whole = getSlot(source);
      if (slot.getSpace() != whole.getSpace() || slot.getCategory() != whole.getCategory() ||
          slot.getOffset() != whole.getOffset() + getAliasOffset(op))
        return op->emitOpError("expects the slot of its operand, or its part of that (C1)");
      continue;
    }
    if (failed(checkWrite(op, instant, slot, result)))
      return failure();
  }
  return checkWorkspace(op);
}

/// C5. No value can lie there: C1 keeps all of them inside the region.
LogicalResult Replay::checkWorkspace(Operation *op) {
  int64_t bytes = target.getWorkspaceBytes(op);
  if (bytes == 0)
    return success();
  auto size = [&](StringRef key) {
    auto value = arena.getAs<IntegerAttr>(key);
    return value ? value.getInt() : int64_t(0);
  };
  auto slots = op->getAttrOfType<ArrayAttr>(TPCDialect::kSlots);
  auto slot = slots && slots.size() == op->getNumResults() + 1
                  ? dyn_cast<SlotAttr>(slots[op->getNumResults()])
                  : SlotAttr();
  if (!slot || slot.getSpace() != SlotSpace::Private || slot.getOffset() != size("private"))
    return op->emitOpError("expects a workspace at the end of the private region (C5)");
  if (slot.getBytes() < bytes || slot.getBytes() > size("workspace_per_thread"))
    return op->emitOpError("expects a workspace of at least ")
           << bytes << " and at most " << size("workspace_per_thread")
           << " bytes per thread (C5), got " << slot.getBytes();
  return success();
}

LogicalResult Replay::checkResults(func::ReturnOp op) {
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    if (!isa<RankedTensorType>(value.getType()))
      continue;
    if (entry.getResultAttrOfType<SlotAttr>(number, TPCDialect::kSlot) != getSlot(value))
      return op.emitOpError("result ") << number << " has another slot than its value (C1)";
    auto alias = entry.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias);
    if (alias && getSlot(entry.getArgument(alias.getInt())) != getSlot(value))
      return op.emitOpError("result ")
             << number << " does not lie in argument " << alias.getInt() << " that it updates (C4)";
  }
  return success();
}

LogicalResult Replay::run() {
  computeReads();
  if (failed(checkArguments()))
    return failure();
  int64_t instant = 0;
  for (Operation &op : entry.getBody().front().without_terminator())
    if (failed(checkOp(&op, ++instant)))
      return failure();
  return checkResults(cast<func::ReturnOp>(entry.getBody().front().getTerminator()));
}
