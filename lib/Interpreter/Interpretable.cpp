//===- Interpretable.cpp - what a program must be to be interpreted --------------===//

#include "tpc/Dialect/CheckedBytes.h"
#include "tpc/Dialect/VerifyShard.h"
#include "tpc/Interpreter/Interpreter.h"

using namespace mlir;
using namespace tpc;

/// Of one value on all ranks: 4 GiB of doubles.
static constexpr int64_t kMostElements = int64_t(1) << 29;

static bool isNumber(Type type) { return type.isIntOrIndexOrFloat(); }

/// Elements of a value's type, or -1 if that is nothing the interpreter holds.
static int64_t getElements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return isNumber(type) || isa<PendingType>(type) ? 1 : -1;
  if (!tensor.hasStaticShape() || !isNumber(tensor.getElementType()))
    return -1;
  auto bytes = RankedTensorType::get(tensor.getShape(), IntegerType::get(type.getContext(), 8));
  return getCheckedBytes(bytes).value_or(std::numeric_limits<int64_t>::max());
}

static LogicalResult checkValue(Value value, int64_t ranks, Location loc) {
  int64_t elements = getElements(value.getType());
  if (elements < 0)
    return emitError(loc) << "has a value of type " << value.getType()
                          << ": the interpreter knows numbers and tensors of static shape";
  if (elements > kMostElements / ranks)
    return emitError(loc) << "has a value of type " << value.getType()
                          << ": the interpreter holds at most " << kMostElements
                          << " elements of a value, those of all ranks together";
  return success();
}

/// Arguments are cut into shards, and results are joined, as their attributes say.
static LogicalResult checkShards(func::FuncOp function) {
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && failed(verifyShard(function, tensor, function.getArgAttrDict(number),
                                     "argument " + Twine(number))))
      return failure();
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && failed(verifyShard(function, tensor, function.getResultAttrDict(number),
                                     "result " + Twine(number))))
      return failure();
  return success();
}

LogicalResult tpc::checkInterpretable(func::FuncOp function, int64_t ranks) {
  if (!function.getBody().hasOneBlock() ||
      !isa<func::ReturnOp>(function.getBody().front().getTerminator()))
    return function.emitError("has branches: the interpreter runs straight lines, which "
                              "tpc-flatten-control-flow makes of calls and loops");
  for (BlockArgument argument : function.getArguments())
    if (failed(checkValue(argument, ranks, argument.getLoc())))
      return failure();
  for (Operation &op : function.getBody().front())
    for (Value result : op.getResults())
      if (failed(checkValue(result, ranks, op.getLoc())))
        return failure();
  return checkShards(function);
}
