//===- Buffers.cpp -------------------------------------------------------------===//

#include "tpc/Codegen/Buffers.h"

using namespace mlir;
using namespace tpc;

EntryBuffers::EntryBuffers(func::FuncOp entry) : entry(entry) {
  addArguments();
  Block &block = entry.getBody().front();
  for (Operation &op : block.without_terminator())
    addOp(&op, ++end);
  auto terminator = cast<func::ReturnOp>(block.getTerminator());
  extendLifetimes(terminator, ++end);
  addReturn(terminator);
  int64_t instant = 0;
  for (Operation &op : block.without_terminator())
    placeInPlace(&op, ++instant);
}

//===-- buffers and lifetimes --------------------------------------------------===//

unsigned EntryBuffers::addBuffer(Value value, int64_t instant) {
  Buffer &buffer = buffers.emplace_back();
  buffer.first = buffer.last = instant;
  buffer.values.push_back(value);
  buffer.bytes = tpc::getBytes(value.getType());
  return bufferOf[value] = buffers.size() - 1;
}

/// False for a part, over which nothing is written: the rest may still be needed.
bool EntryBuffers::isWhole(Value value) const {
  return tpc::getBytes(value.getType()) == buffers[getBuffer(value)].bytes;
}

void EntryBuffers::addArguments() {
  for (BlockArgument argument : entry.getArguments()) {
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    Buffer &buffer = buffers[addBuffer(argument, 0)];
    DictionaryAttr attributes = entry.getArgAttrDict(argument.getArgNumber());
    buffer.isArgument = true;
    buffer.persistent = getPersistentKey(attributes);
    if (!buffer.persistent.empty())
      buffer.category = attributes.contains(TPCDialect::kState) ? SlotCategory::OptimizerState
                                                                : SlotCategory::Parameter;
  }
}

void EntryBuffers::extendLifetimes(Operation *op, int64_t instant) {
  for (Value operand : getReadValues(op))
    if (isa<RankedTensorType>(operand.getType()))
      buffers[getBuffer(operand)].last = instant;
}

void EntryBuffers::addOp(Operation *op, int64_t instant) {
  extendLifetimes(op, instant);
  if (Value source = getAliasedOperand(op)) {
    unsigned buffer = getBuffer(source);
    bufferOf[op->getResult(0)] = buffer;
    buffers[buffer].values.push_back(op->getResult(0));
    if (int64_t offset = getOffset(source) + getAliasOffset(op))
      partOffsets[op->getResult(0)] = offset;
    return;
  }
  if (isa<WaitOp>(op)) // whose collective added them
    for (Value result : op->getResults())
      buffers[getBuffer(result)].last = instant;
  for (Value result : getWrittenValues(op))
    if (isa<RankedTensorType>(result.getType()))
      addBuffer(result, instant);
  if (!isCollective(op))
    return;
  for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(getDelivered(op))})
    for (Value value : values)
      if (Buffer &buffer = buffers[getBuffer(value)]; !buffer.isArgument) {
        buffer.space = SlotSpace::Communication;
        buffer.category = SlotCategory::Communication;
      }
}

//===-- results ----------------------------------------------------------------===//

void EntryBuffers::addReturn(func::ReturnOp op) {
  for (unsigned number = 0, count = op.getNumOperands(); number != count; ++number)
    if (entry.getResultAttr(number, TPCDialect::kGradient))
      if (Buffer &buffer = buffers[getBuffer(op.getOperand(number))]; !buffer.isArgument)
        buffer.category = SlotCategory::Gradient;
  for (unsigned number = 0, count = op.getNumOperands(); number != count; ++number)
    if (!placeResult(op, number))
      misplaced.push_back(number);
}

/// Puts a result where tpc.alias or tpc.param wants it; false if that is not possible.
bool EntryBuffers::placeResult(func::ReturnOp op, unsigned number) {
  unsigned buffer = getBuffer(op.getOperand(number));
  DictionaryAttr attributes = entry.getResultAttrDict(number);
  std::string key = getPersistentKey(attributes);
  bool hasPlace = !key.empty() || (attributes && attributes.get(TPCDialect::kAlias));
  if (hasPlace && !isWhole(op.getOperand(number)))
    return false;
  if (attributes && attributes.get(TPCDialect::kAlias))
    return placeInArgument(buffer, attributes.getAs<IntegerAttr>(TPCDialect::kAlias).getInt());
  if (key.empty()) {
    // The old value of an argument that is updated cannot be returned from where it lies.
    if (!buffers[buffer].isArgument)
      return true;
    Value argument = buffers[buffer].values.front();
    return llvm::none_of(llvm::seq<unsigned>(0, op.getNumOperands()), [&](unsigned other) {
      auto alias = entry.getResultAttrOfType<IntegerAttr>(other, TPCDialect::kAlias);
      return alias && entry.getArgument(alias.getInt()) == argument &&
             getBuffer(op.getOperand(other)) != buffer;
    });
  }
  Buffer &target = buffers[buffer];
  if (target.isArgument || !target.persistent.empty())
    return target.persistent == key;
  target.persistent = key;
  target.space = SlotSpace::Private;
  target.category = attributes.contains(TPCDialect::kState) ? SlotCategory::OptimizerState
                                                            : SlotCategory::Parameter;
  return true;
}

bool EntryBuffers::placeInArgument(unsigned buffer, unsigned argument) {
  unsigned target = getBuffer(entry.getArgument(argument));
  if (buffer == target)
    return true;
  if (buffers[buffer].isArgument || !buffers[buffer].persistent.empty() ||
      buffers[buffer].bytes != buffers[target].bytes || !tolerates(buffer, target))
    return false;
  merge(buffer, target);
  return true;
}

/// True if the op that first writes buffer `written` may write it over buffer `overwritten`.
bool EntryBuffers::tolerates(unsigned written, unsigned overwritten) {
  if (buffers[overwritten].last != buffers[written].first)
    return buffers[overwritten].last < buffers[written].first;
  auto result = cast<OpResult>(buffers[written].values.front());
  return toleratesOverwrite(result.getOwner(), result.getResultNumber(), [&](Value value) {
    return isa<RankedTensorType>(value.getType()) && getBuffer(value) == overwritten;
  });
}

//===-- computing in place -----------------------------------------------------===//

void EntryBuffers::merge(unsigned from, unsigned into) {
  for (Value value : buffers[from].values)
    bufferOf[value] = into;
  buffers[into].values.append(buffers[from].values);
  buffers[into].last = std::max(buffers[into].last, buffers[from].last);
  if (buffers[from].category == SlotCategory::Gradient)
    buffers[into].category = SlotCategory::Gradient;
  buffers[from].merged = true;
}

void EntryBuffers::placeInPlace(Operation *op, int64_t instant) {
  if (getAliasedOperand(op))
    return;
  if (auto wait = dyn_cast<WaitOp>(op))
    return placeStarted(wait, instant);
  InPlaceRule rule(op);
  for (OpResult result : op->getResults())
    if (isa<RankedTensorType>(result.getType()))
      overwrite(op, rule, result.getResultNumber(), instant);
}

bool EntryBuffers::overwrite(Operation *op, const InPlaceRule &rule, unsigned result,
                             int64_t instant) {
  unsigned written = getBuffer(op->getResult(result));
  if (buffers[written].isArgument || !buffers[written].persistent.empty())
    return false;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (!isa<RankedTensorType>(operand.getType()) || !rule.allows(result, number) ||
        !isWhole(operand))
      continue;
    unsigned target = getBuffer(operand);
    const Buffer &buffer = buffers[target];
    bool taken =
        llvm::any_of(op->getResults(), [&](Value other) { return getBuffer(other) == target; });
    if (taken || buffer.isArgument || !buffer.persistent.empty() || buffer.last != instant ||
        buffer.space != buffers[written].space || !tolerates(written, target))
      continue;
    merge(written, target);
    return true;
  }
  return false;
}

//===-- started collectives ----------------------------------------------------===//

/// True if anyone but `op` reads the buffer at or after `op`.
bool EntryBuffers::isUsedSince(Operation *op, unsigned buffer) const {
  return llvm::any_of(buffers[buffer].values, [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (user == op)
        return false;
      WaitOp wait = isCollective(user) ? getWait(user) : WaitOp();
      return !(wait ? wait : user)->isBeforeInBlock(op);
    });
  });
}

/// As `overwrite`, for the results of a started collective, seen from its wait.
void EntryBuffers::placeStarted(WaitOp wait, int64_t instant) {
  Operation *start = wait.getPending().getDefiningOp();
  for (auto [result, value] : llvm::enumerate(wait.getResults())) {
    unsigned written = getBuffer(value);
    if (buffers[written].isArgument || !buffers[written].persistent.empty())
      continue;
    for (auto [number, operand] : llvm::enumerate(start->getOperands())) {
      unsigned target = getBuffer(operand);
      const Buffer &buffer = buffers[target];
      bool taken =
          llvm::any_of(wait.getResults(), [&](Value other) { return getBuffer(other) == target; });
      if (taken || buffer.isArgument || !buffer.persistent.empty() || buffer.last != instant ||
          !isWhole(operand) || isUsedSince(start, target) ||
          !toleratesOverwrite(start, result, [&](Value read) { return getBuffer(read) == target; }))
        continue;
      merge(written, target);
      break;
    }
  }
}
