//===- RuleReader.cpp -----------------------------------------------------===//

#include "tpc/Propagation/RuleReader.h"

using namespace mlir;
using namespace tpc;

LogicalResult tpc::verifyStaticShape(Type type,
                                     llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || (isa<RankedTensorType>(shaped) && shaped.hasStaticShape()))
    return success();
  return emitError() << "expects tensors of static shape, got " << type;
}

bool tpc::handlesTensors(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<ShapedType>) ||
         llvm::any_of(op->getResultTypes(), llvm::IsaPred<ShapedType>);
}

FailureOr<ShardingRule> tpc::readShardingRule(Operation *op) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface)
    return op->emitOpError(
        "has no sharding rule, so its tensors cannot be given layouts: implement "
        "ShardingRuleOpInterface or write it with ops that have it");
  auto emitError = [&] { return op->emitOpError(); };
  for (TypeRange types : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (failed(verifyStaticShape(type, emitError)))
        return failure();
  return interface.getShardingRule();
}
