//===- CollectiveTraffic.cpp ---------------------------------------------------===//

#include "tpc/Dialect/CollectiveTraffic.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static std::optional<CollectiveKind> getKind(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<CollectiveKind>>(op)
      .Case([](AllGatherOp) { return CollectiveKind::AllGather; })
      .Case([](AllReduceOp) { return CollectiveKind::AllReduce; })
      .Case([](AllToAllOp) { return CollectiveKind::AllToAll; })
      .Case([](PermuteOp) { return CollectiveKind::Permute; })
      .Case([](ReduceScatterOp) { return CollectiveKind::ReduceScatter; })
      .Default([](Operation *) { return std::nullopt; });
}

/// Of tensors, and of those that a started collective will deliver.
static int64_t countElements(TypeRange types) {
  int64_t elements = 0;
  for (Type type : types)
    if (auto pending = dyn_cast<PendingType>(type))
      for (RankedTensorType tensor : pending.getTensors())
        elements += tensor.getNumElements();
    else
      elements += cast<RankedTensorType>(type).getNumElements();
  return elements;
}

std::optional<CollectiveTraffic> tpc::getTraffic(Operation *op) {
  std::optional<CollectiveKind> kind = getKind(op);
  if (!kind)
    return std::nullopt;
  Mesh mesh = lookupMesh(op, op->getAttrOfType<FlatSymbolRefAttr>("mesh")).getMesh().getMesh();
  CollectiveTraffic traffic{*kind, getAxes(op->getAttrOfType<ArrayAttr>("axes"), mesh)};
  traffic.elements =
      std::max(countElements(op->getOperandTypes()), countElements(getDelivered(op).getTypes()));
  for (Type type : op->getOperandTypes())
    traffic.operandBytes += getBytes(type);
  traffic.receivedBytes = std::llround(
      getReceivedBytes(*kind, getSize(traffic.axes), static_cast<double>(traffic.operandBytes)));
  return traffic;
}

/// Of those `types` that a slice along `dim` cuts into more than one block.
static int64_t getScatteredBytes(TypeRange types, int64_t dim) {
  int64_t bytes = 0;
  for (Type type : types) {
    ArrayRef<int64_t> before = cast<RankedTensorType>(type).getShape().take_front(dim);
    if (llvm::any_of(before, [](int64_t size) { return size != 1; }))
      bytes += llvm::alignTo(getBytes(type), kPackingAlignment);
  }
  return bytes;
}

int64_t tpc::getPackedBytes(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([](AllGatherOp gather) {
        return getScatteredBytes(getDelivered(gather).getTypes(), gather.getDim());
      })
      .Case([](ReduceScatterOp scatter) {
        return getScatteredBytes(scatter->getOperandTypes(), scatter.getDim());
      })
      .Case([](AllToAllOp exchange) {
        return getScatteredBytes(exchange->getOperandTypes(), exchange.getSplitDim()) +
               getScatteredBytes(getDelivered(exchange).getTypes(), exchange.getConcatDim());
      })
      .Default([](Operation *) { return 0; });
}

void TrafficSum::add(FunctionOpInterface function) {
  function.walk([&](Operation *op) {
    std::optional<CollectiveTraffic> traffic = getTraffic(op);
    collectives += traffic.has_value();
    receivedBytes += traffic ? traffic->receivedBytes : 0;
  });
}
