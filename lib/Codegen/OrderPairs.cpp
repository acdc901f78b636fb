//===- OrderPairs.cpp ----------------------------------------------------------===//

#include "OrderPairs.h"

using namespace mlir;
using namespace tpc;

static bool canExchange(const Buffer &one, const Buffer &other) {
  auto isFree = [](const Buffer &buffer) {
    return buffer.persistent.empty() && !buffer.isArgument;
  };
  return isFree(one) && isFree(other) && one.space == other.space && one.bytes == other.bytes &&
         one.first == other.first && one.last == other.last;
}

void tpc::orderPairs(func::FuncOp entry, const EntryBuffers &buffers,
                     MutableArrayRef<int64_t> offsets) {
  auto getOffset = [&](Value value) {
    return offsets[buffers.getBuffer(value)] + buffers.getOffset(value);
  };
  auto isBehind = [&](Value value, Value other) { return getOffset(other) > getOffset(value); };
  for (auto pair : entry.getOps<ContractPairOp>()) {
    auto [one, other] = pair.getContractions();
    bool shared = one.lhs == other.lhs;
    bool inOrder = shared ? isBehind(one.rhs, other.rhs) : isBehind(one.lhs, other.lhs);
    unsigned result = buffers.getBuffer(one.result), second = buffers.getBuffer(other.result);
    if (inOrder != isBehind(one.result, other.result) &&
        canExchange(buffers.getBuffers()[result], buffers.getBuffers()[second]))
      std::swap(offsets[result], offsets[second]);
  }
}
