//===- WindowMemory.cpp ----------------------------------------------------===//

#include "WindowMemory.h"
#include "mlir/IR/Block.h"
#include "tpc/Codegen/Schedule.h"

using namespace mlir;
using namespace tpc;

/// The value whose memory `value` is.
static Value getOwner(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    Value operand = getAliasedOperand(op);
    if (!operand)
      break;
    value = operand;
  }
  return value;
}

static Operation *getLastUser(Value value, Operation *except) {
  Operation *last = nullptr;
  for (Operation *user : value.getUsers()) {
    if (user == except)
      continue;
    Operation *reader = getAliasedOperand(user) ? getLastUser(user->getResult(0), except) : user;
    if (reader && (!last || last->isBeforeInBlock(reader)))
      last = reader;
  }
  return last;
}

Operation *tpc::getLastReader(Value value, Operation *except) {
  Value owner = getOwner(value);
  if (auto argument = dyn_cast<BlockArgument>(owner))
    return argument.getOwner()->getTerminator();
  return getLastUser(owner, except);
}

WindowMemory::WindowMemory(Operation *collective) {
  InPlaceRule rule(collective);
  for (auto [number, value] : llvm::enumerate(collective->getOperands())) {
    Operation *last = getLastReader(value, collective);
    bool dies = !last || last->isBeforeInBlock(collective);
    if (dies && rule.allows(number, number))
      continue;
    operands.push_back({getBytes(value.getType()), last});
    resultBytes += getBytes(collective->getResult(number).getType());
  }
}

int64_t WindowMemory::getBytesDuring(Operation *op) const {
  int64_t bytes = 0;
  for (const Operand &operand : operands)
    if (!operand.lastReader || operand.lastReader->isBeforeInBlock(op))
      bytes += operand.bytes;
  return bytes;
}

int64_t WindowMemory::getMostBytes() const {
  int64_t bytes = 0;
  for (const Operand &operand : operands)
    bytes += operand.bytes;
  return std::max(bytes, resultBytes);
}
