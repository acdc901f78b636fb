//===- PlanMemory.cpp - an offset in the rank's arena for every value ----------===//
//
// Private region: parameters, then optimizer state, at the same offsets in all entries; above them
// the transient values of whichever entry runs; above all that the workspace, which grows with the
// threads of a run. Communication region: transient values, and above
// them what collectives use as scratch memory.
//
//===----------------------------------------------------------------------===//

#include "OrderPairs.h"
#include "tpc/Codegen/ArenaPlanner.h"
#include "tpc/Codegen/Buffers.h"
#include "tpc/Codegen/Passes.h"
#include "tpc/Codegen/TargetInfo.h"
#include "tpc/Dialect/CheckedBytes.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include <array>
#include <numeric>

namespace tpc {
#define GEN_PASS_DEF_PLANMEMORY
#include "tpc/Codegen/Passes.h.inc"
} // namespace tpc

using namespace mlir;
using namespace tpc;

namespace {
/// Memory that outlives an entry: one parameter or one of its states.
struct Persistent {
  int64_t bytes;
  int64_t offset;
  SlotCategory category;
  Location loc;
};
using PersistentMap = llvm::MapVector<std::string, Persistent, llvm::StringMap<unsigned>>;

constexpr unsigned kCategories = static_cast<unsigned>(SlotCategory::Workspace);
/// Bytes per SlotCategory, but for the workspace: what a run takes of it depends on its threads.
using Account = std::array<int64_t, kCategories>;

int64_t getTotal(const Account &account) {
  return std::accumulate(account.begin(), account.end(), int64_t(0));
}

int64_t align(int64_t bytes) { return llvm::alignTo(bytes, kSlotAlignment); }

struct PlanMemory : tpc::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override;
  LogicalResult addPersistent(func::FuncOp entry, const EntryBuffers &buffers);
  void placePersistent();
  void plan(func::FuncOp entry, const EntryBuffers &buffers);
  void placeWorkspaces(const TargetInfo &target);
  void placePacking(const TargetInfo &target);
  void attachSlots(func::FuncOp entry, const EntryBuffers &buffers, ArrayRef<int64_t> offsets);
  void recordPeak(const EntryBuffers &buffers);
  void attachArena();

  PersistentMap persistent;
  Account persistentBytes{}, peak{};
  int64_t peakShared = 0; ///< of the peak, what lies in the communication region
  int64_t privateBase = 0, privateBytes = 0, communicationBytes = 0, workspaceBytes = 0;
  int64_t packingBytes = 0; ///< of the communication region
};
} // namespace

//===-- sizes ------------------------------------------------------------------===//

/// Half of what an offset can say: the other half is left for workspaces.
static constexpr int64_t kMostBytes = int64_t(1) << 62;

/// No arena is larger than the sum of the values, so none overflows if this does not.
static LogicalResult checkSizes(func::FuncOp entry, CheckedSum &sum) {
  auto check = [&](Value value, Location loc) -> LogicalResult {
    if (sum.add(value.getType()))
      return success();
    return emitError(loc) << "the values up to this " << value.getType() << " have more than "
                          << kMostBytes << " bytes, which no offset can say";
  };
  for (BlockArgument argument : entry.getArguments())
    if (failed(check(argument, entry.getLoc())))
      return failure();
  for (Operation &op : entry.getBody().front())
    for (Value result : op.getResults())
      if (failed(check(result, op.getLoc())))
        return failure();
  return success();
}

//===-- results that need a copy -----------------------------------------------===//

/// Copies the misplaced results at the end of the entry. Those that lie in an argument move aside
/// first, so that no copy overwrites what another one reads.
static void insertCopies(func::FuncOp entry, const EntryBuffers &buffers) {
  auto op = cast<func::ReturnOp>(entry.getBody().front().getTerminator());
  OpBuilder builder(op);
  auto copy = [&](unsigned number) {
    Value value = op.getOperand(number);
    op.setOperand(number, CopyOp::create(builder, value.getLoc(), value.getType(), value));
  };
  for (unsigned number : buffers.getMisplacedResults())
    if (buffers.isInArgument(op.getOperand(number)))
      copy(number);
  for (unsigned number : buffers.getMisplacedResults()) {
    DictionaryAttr attributes = entry.getResultAttrDict(number);
    bool placed =
        attributes && (attributes.get(TPCDialect::kAlias) || attributes.get(TPCDialect::kParam));
    if (placed)
      copy(number);
  }
}

static FailureOr<EntryBuffers> analyze(func::FuncOp entry) {
  if (failed(verifySchedule(entry)))
    return failure();
  EntryBuffers buffers(entry);
  if (buffers.getMisplacedResults().empty())
    return buffers;
  insertCopies(entry, buffers);
  EntryBuffers copied(entry);
  for (unsigned number : copied.getMisplacedResults())
    return entry.emitOpError("result ")
           << number << " cannot be placed in the memory of the argument or parameter "
           << "that it updates: another result has it";
  return copied;
}

//===-- persistent memory ------------------------------------------------------===//

LogicalResult PlanMemory::addPersistent(func::FuncOp entry, const EntryBuffers &buffers) {
  llvm::StringSet<> seen;
  for (const Buffer &buffer : buffers.getBuffers()) {
    if (buffer.persistent.empty() || buffer.merged)
      continue;
    if (!seen.insert(buffer.persistent).second)
      return entry.emitOpError("has parameter '") << buffer.persistent << "' twice";
    auto [it, added] =
        persistent.insert({buffer.persistent, {buffer.bytes, 0, buffer.category, entry.getLoc()}});
    if (added || it->second.bytes == buffer.bytes)
      continue;
    InFlightDiagnostic diagnostic = entry.emitOpError("parameter '")
                                    << buffer.persistent << "' has " << buffer.bytes
                                    << " bytes, got " << it->second.bytes << " in another entry";
    diagnostic.attachNote(it->second.loc) << "the other entry";
    return diagnostic;
  }
  return success();
}

void PlanMemory::placePersistent() {
  for (SlotCategory category : {SlotCategory::Parameter, SlotCategory::OptimizerState})
    for (auto &[key, memory] : persistent) {
      if (memory.category != category)
        continue;
      memory.offset = privateBase;
      privateBase += align(memory.bytes);
      persistentBytes[static_cast<unsigned>(category)] += align(memory.bytes);
    }
  privateBytes = privateBase;
}

//===-- transient memory -------------------------------------------------------===//

static bool isTransient(const Buffer &buffer) {
  return !buffer.merged && buffer.persistent.empty();
}

/// Packs the transient buffers of `space`, writes their offsets and returns the size.
static int64_t pack(const EntryBuffers &buffers, SlotSpace space, int64_t base,
                    MutableArrayRef<int64_t> offsets) {
  SmallVector<Lifetime, 0> lifetimes;
  SmallVector<unsigned, 0> numbers;
  for (auto [number, buffer] : llvm::enumerate(buffers.getBuffers())) {
    if (!isTransient(buffer) || buffer.space != space)
      continue;
    // What the caller wrote stays what it was until the entry returns.
    lifetimes.push_back(
        {buffer.bytes, buffer.first, buffer.isArgument ? buffers.getEnd() : buffer.last});
    numbers.push_back(number);
  }
  Packing packing = packBuffers(lifetimes);
  for (auto [number, offset] : llvm::zip_equal(numbers, packing.offsets))
    offsets[number] = base + offset;
  return packing.bytes;
}

void PlanMemory::plan(func::FuncOp entry, const EntryBuffers &buffers) {
  SmallVector<int64_t, 0> offsets(buffers.getBuffers().size(), 0);
  int64_t transient = pack(buffers, SlotSpace::Private, privateBase, offsets);
  privateBytes = std::max(privateBytes, privateBase + transient);
  communicationBytes =
      std::max(communicationBytes, pack(buffers, SlotSpace::Communication, 0, offsets));
  for (auto [number, buffer] : llvm::enumerate(buffers.getBuffers()))
    if (!buffer.persistent.empty())
      offsets[number] = persistent.find(buffer.persistent)->second.offset;
  orderPairs(entry, buffers, offsets);
  attachSlots(entry, buffers, offsets);
  recordPeak(buffers);
}

void PlanMemory::attachSlots(func::FuncOp entry, const EntryBuffers &buffers,
                             ArrayRef<int64_t> offsets) {
  Builder builder(entry.getContext());
  auto getSlot = [&](Value value) {
    unsigned number = buffers.getBuffer(value);
    const Buffer &buffer = buffers.getBuffers()[number];
    return SlotAttr::get(entry.getContext(), buffer.space,
                         offsets[number] + buffers.getOffset(value), getBytes(value.getType()),
                         buffer.category);
  };
  auto isTensor = [](Value value) { return isa<RankedTensorType>(value.getType()); };
  SignatureAttributes signature(entry);
  for (BlockArgument argument : llvm::make_filter_range(entry.getArguments(), isTensor))
    signature.setArgument(argument.getArgNumber(), TPCDialect::kSlot, getSlot(argument));
  for (Operation &op : entry.getBody().front()) {
    SmallVector<Attribute> slots;
    for (Value result : llvm::make_filter_range(op.getResults(), isTensor))
      slots.push_back(getSlot(result));
    if (!slots.empty())
      op.setAttr(TPCDialect::kSlots, builder.getArrayAttr(slots));
  }
  Operation *terminator = entry.getBody().front().getTerminator();
  for (auto [number, value] : llvm::enumerate(terminator->getOperands()))
    if (isTensor(value))
      signature.setResult(number, TPCDialect::kSlot, getSlot(value));
  signature.write();
}

/// Every op finds its workspace at the end of the private region, once no entry needs more of it.
void PlanMemory::placeWorkspaces(const TargetInfo &target) {
  Builder builder(&getContext());
  for (func::FuncOp entry : getEntries(getOperation()))
    for (Operation &op : entry.getBody().front()) {
      int64_t bytes = target.getWorkspaceBytes(&op);
      if (bytes == 0)
        continue;
      auto slots = llvm::to_vector(op.getAttrOfType<ArrayAttr>(TPCDialect::kSlots));
      slots.push_back(SlotAttr::get(&getContext(), SlotSpace::Private, privateBytes, bytes,
                                    SlotCategory::Workspace));
      op.setAttr(TPCDialect::kSlots, builder.getArrayAttr(slots));
      workspaceBytes = std::max(workspaceBytes, align(bytes));
    }
}

void PlanMemory::placePacking(const TargetInfo &target) {
  for (func::FuncOp entry : getEntries(getOperation()))
    for (Operation &op : entry.getBody().front())
      packingBytes = std::max(packingBytes, align(target.getPackingBytes(&op)));
  if (packingBytes)
    communicationBytes = llvm::alignTo(communicationBytes, kPackingAlignment) + packingBytes;
}

//===-- the account ------------------------------------------------------------===//

void PlanMemory::recordPeak(const EntryBuffers &buffers) {
  SmallVector<Account, 0> changes(buffers.getEnd() + 2, Account{});
  SmallVector<int64_t, 0> sharedChanges(buffers.getEnd() + 2, 0);
  for (const Buffer &buffer : buffers.getBuffers()) {
    if (!isTransient(buffer))
      continue;
    unsigned category = static_cast<unsigned>(buffer.category);
    int64_t after = (buffer.isArgument ? buffers.getEnd() : buffer.last) + 1;
    int64_t bytes = align(buffer.bytes);
    int64_t shared = buffer.space == SlotSpace::Communication ? bytes : 0;
    changes[buffer.first][category] += bytes, changes[after][category] -= bytes;
    sharedChanges[buffer.first] += shared, sharedChanges[after] -= shared;
  }
  Account live = persistentBytes;
  int64_t liveShared = 0;
  for (auto [change, sharedChange] : llvm::zip_equal(changes, sharedChanges)) {
    for (unsigned category = 0; category != kCategories; ++category)
      live[category] += change[category];
    liveShared += sharedChange;
    if (getTotal(live) > getTotal(peak)) {
      peak = live;
      peakShared = liveShared;
    }
  }
}

/// The categories add up to the arena: what no value uses at the peak instant is kept for
/// activations and for communication at other instants.
void PlanMemory::attachArena() {
  int64_t unusedShared = communicationBytes - peakShared;
  int64_t unusedPrivate = privateBytes - (getTotal(peak) - peakShared);
  peak[static_cast<unsigned>(SlotCategory::Activation)] += unusedPrivate;
  peak[static_cast<unsigned>(SlotCategory::Communication)] += unusedShared;
  Builder builder(&getContext());
  SmallVector<NamedAttribute> entries;
  auto add = [&](StringRef name, int64_t bytes) {
    entries.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(bytes)));
  };
  add("private", privateBytes);
  add("shared", communicationBytes);
  if (packingBytes)
    add("packing", packingBytes);
  add("workspace_per_thread", workspaceBytes);
  for (unsigned category = 0; category != kCategories; ++category)
    add(stringifySlotCategory(static_cast<SlotCategory>(category)), peak[category]);
  getOperation()->setAttr(TPCDialect::kArena, builder.getDictionaryAttr(entries));
}

void PlanMemory::runOnOperation() {
  persistent.clear();
  persistentBytes = peak = Account{};
  peakShared = privateBase = privateBytes = communicationBytes = workspaceBytes = packingBytes = 0;
  std::unique_ptr<TargetInfo> target = TargetInfo::get(getOperation());
  if (!target)
    return signalPassFailure();
  SmallVector<EntryBuffers, 0> analyses;
  CheckedSum sum(kMostBytes, kSlotAlignment);
  SmallVector<func::FuncOp> entries = getEntries(getOperation());
  for (func::FuncOp entry : entries) {
    if (failed(checkSizes(entry, sum)))
      return signalPassFailure();
    FailureOr<EntryBuffers> buffers = analyze(entry);
    if (failed(buffers) || failed(addPersistent(entry, *buffers)))
      return signalPassFailure();
    analyses.push_back(std::move(*buffers));
  }
  placePersistent();
  for (auto [entry, buffers] : llvm::zip_equal(entries, analyses))
    plan(entry, buffers);
  placeWorkspaces(*target);
  placePacking(*target);
  attachArena();
}
