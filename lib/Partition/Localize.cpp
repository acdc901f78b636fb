//===- Localize.cpp - the pass tpc-localize -----------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Partition/MeshContext.h"
#include "tpc/Partition/Passes.h"
#include "tpc/Partition/RuleFit.h"

#define DEBUG_TYPE "tpc-localize"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_LOCALIZE
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static bool isCollective(Operation *op) {
  return isa<AllGatherOp, AllReduceOp, ReduceScatterOp, AllToAllOp, PermuteOp, ShardSliceOp>(op);
}

namespace {

/// Gives what is inserted the discardable attributes of the op it stands for, but not its layouts.
struct AttributeKeeper : OpBuilder::Listener {
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    for (NamedAttribute attribute : source->getDiscardableAttrs())
      if (attribute.getName() != TPCDialect::kLayouts)
        op->setDiscardableAttr(attribute.getName(), attribute.getValue());
  }
  Operation *source = nullptr;
};

/// Rewrites one function. All checks come first, on global types; then every op is replaced by its
/// local form.
class FunctionLocalizer {
public:
  FunctionLocalizer(func::FuncOp function, const MeshContext &context)
      : function(function), context(context) {
    builder.setListener(&keeper);
  }

  LogicalResult run() {
    if (failed(readLayouts()) || failed(checkOps()) || failed(checkResults()))
      return failure();
    SmallVector<Operation *> ops;
    for (Operation &op : function.getBody().front())
      ops.push_back(&op);
    localizeSignature();
    for (Operation *op : ops)
      if (failed(localize(op)))
        return failure();
    for (Operation *op : llvm::reverse(ops))
      op->erase();
    return success();
  }

private:
  LogicalResult readLayouts();
  LogicalResult checkOps();
  LogicalResult checkOp(Operation *op);
  LogicalResult checkResults();
  void localizeSignature();
  LogicalResult localize(Operation *op);
  FailureOr<SmallVector<Value>> buildLocal(Operation *op, ValueRange operands);
  FailureOr<SmallVector<Value>> buildConstant(arith::ConstantOp op, Type type);
  std::vector<Layout> getLayouts(ValueRange values) const;
  GlobalAttr getGlobal(Type type, const Layout &layout) const;

  func::FuncOp function;
  const MeshContext &context;
  DenseMap<Value, Layout> layouts;
  IRMapping mapping;
  AttributeKeeper keeper;
  OpBuilder builder{function.getContext()};
};

} // namespace

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult FunctionLocalizer::readLayouts() {
  return visitValues(function, [&](Value value) -> LogicalResult {
    FailureOr<Layout> layout = context.readLayout(value);
    if (succeeded(layout))
      layouts[value] = *layout;
    return layout;
  });
}

std::vector<Layout> FunctionLocalizer::getLayouts(ValueRange values) const {
  std::vector<Layout> result;
  for (Value value : values)
    result.push_back(layouts.lookup(value));
  return result;
}

LogicalResult FunctionLocalizer::checkOp(Operation *op) {
  if (isa<BoundaryOp, ConstrainOp, ReshardOp>(op))
    return op->emitOpError("cannot be localized: run tpc-apply-plan, tpc-insert-reshards and "
                           "tpc-expand-reshards first");
  if (isCollective(op) || isa<func::ReturnOp, AxisIndexOp>(op) ||
      op->hasTrait<OpTrait::ConstantLike>())
    return success();
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface)
    return op->emitOpError("has no sharding rule");
  std::string why;
  if (!findSplit(interface.getShardingRule(), getLayouts(op->getOperands()),
                 getLayouts(op->getResults()), context.mesh, why))
    return op->emitOpError(why) << "; run tpc-insert-reshards first";
  return success();
}

LogicalResult FunctionLocalizer::checkOps() {
  for (Operation &op : function.getBody().front())
    if (failed(checkOp(&op)))
      return failure();
  return success();
}

/// Returned values lie as the function's results say.
LogicalResult FunctionLocalizer::checkResults() {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [number, value] : llvm::enumerate(terminator->getOperands())) {
    auto wanted = function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout);
    if (!isa<RankedTensorType>(value.getType()))
      continue;
    if (!wanted)
      return function.emitError("result ")
             << number << " has no layout: run tpc-propagate-layouts first";
    Layout layout = getNormalized(wanted.getLayout(context.mesh), context.mesh);
    if (layout != layouts[value])
      return terminator->emitOpError("operand ")
             << number << " must be " << toDTensorString(layout, context.mesh)
             << " as the function's result, got " << toDTensorString(layouts[value], context.mesh)
             << "; run tpc-insert-reshards first";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

GlobalAttr FunctionLocalizer::getGlobal(Type type, const Layout &layout) const {
  return GlobalAttr::get(context.symbol.getContext(), cast<RankedTensorType>(type).getShape(),
                         context.getAttr(layout));
}

void FunctionLocalizer::localizeSignature() {
  SmallVector<Type> arguments, results;
  SignatureAttributes attributes(function);
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    if (isa<RankedTensorType>(argument.getType())) {
      attributes.setArgument(number, TPCDialect::kGlobal,
                             getGlobal(argument.getType(), layouts[argument]));
      attributes.removeArgument(number, TPCDialect::kLayout);
    }
    argument.setType(getLocalType(argument.getType(), layouts[argument]));
    arguments.push_back(argument.getType());
  }
  for (auto [number, value] :
       llvm::enumerate(function.getBody().front().getTerminator()->getOperands())) {
    Type type = function.getResultTypes()[number];
    if (isa<RankedTensorType>(type)) {
      attributes.setResult(number, TPCDialect::kGlobal, getGlobal(type, layouts[value]));
      attributes.removeResult(number, TPCDialect::kLayout);
    }
    results.push_back(getLocalType(type, layouts[value]));
  }
  attributes.write();
  function.setFunctionType(builder.getFunctionType(arguments, results));
}

LogicalResult FunctionLocalizer::localize(Operation *op) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(mapping.lookupOrDefault(operand));
  builder.setInsertionPoint(op);
  keeper.source = op;
  FailureOr<SmallVector<Value>> results = buildLocal(op, operands);
  if (failed(results))
    return failure();
  mapping.map(op->getResults(), *results);
  return success();
}

/// Builds what one rank does for `op`; operands are local already.
FailureOr<SmallVector<Value>> FunctionLocalizer::buildLocal(Operation *op, ValueRange operands) {
  SmallVector<Type> types;
  for (Value result : op->getResults())
    types.push_back(getLocalType(result.getType(), layouts[result]));
  if (isa<UseOp>(op))
    return SmallVector<Value>(operands);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return buildConstant(constant, types.front());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return SmallVector<Value>{tensor::ExpandShapeOp::create(
        builder, op->getLoc(), types.front(), operands.front(), expand.getReassociationIndices())};
  if (auto interface = dyn_cast<LocalizableOpInterface>(op))
    return interface.localize(builder, operands,
                              {context.mesh, context.symbol, getLayouts(op->getOperands()),
                               getLayouts(op->getResults()), types});
  OperationState state(op->getLoc(), op->getName(), operands, types, op->getAttrs());
  state.attributes.erase(builder.getStringAttr(TPCDialect::kLayouts));
  return SmallVector<Value>(builder.create(state)->getResults());
}

FailureOr<SmallVector<Value>> FunctionLocalizer::buildConstant(arith::ConstantOp op, Type type) {
  TypedAttr value = op.getValue();
  auto splat = dyn_cast<SplatElementsAttr>(value);
  if (type != op.getType() && !splat)
    return op.emitOpError("cannot be split over ranks: its elements differ");
  if (type != op.getType())
    value = splat.resizeSplat(cast<ShapedType>(type));
  return SmallVector<Value>{arith::ConstantOp::create(builder, op.getLoc(), value)};
}

namespace {
struct Localize : tpc::impl::LocalizeBase<Localize> {
  void runOnOperation() override {
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    FailureOr<SmallVector<func::FuncOp>> functions = getProgramFunctions(getOperation());
    if (failed(context) || failed(functions))
      return signalPassFailure();
    for (func::FuncOp function : *functions)
      if (failed(FunctionLocalizer(function, *context).run()))
        return signalPassFailure();
  }
};
} // namespace
