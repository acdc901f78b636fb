//===- Differentiate.cpp - reverse mode over the global graph ------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Autodiff/Passes.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "tpc-differentiate"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "tpc/Autodiff/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// Marks every op it sees inserted as part of the backward pass.
struct BackwardMarker : OpBuilder::Listener {
  unsigned count = 0;
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    op->setAttr("tpc.backward", UnitAttr::get(op->getContext()));
    ++count;
  }
};

/// Cotangents of one function, accumulated in reverse program order.
class Reverse {
public:
  Reverse(func::FuncOp step, OpBuilder &builder) : step(step), builder(builder) { findActive(); }

  /// Walks back from `loss`; afterwards getCotangent(parameter) is its gradient.
  LogicalResult run(Value loss);
  Value getCotangent(Value value) const { return cotangents.lookup(value); }

private:
  void findActive();
  Value add(Location loc, Value a, Value b);
  void accumulate(Location loc, Value value, Value cotangent);
  LogicalResult visit(Operation *op);

  func::FuncOp step;
  OpBuilder &builder;
  DenseSet<Value> active; ///< float values that depend on a parameter
  DenseMap<Value, Value> cotangents;
};

} // namespace

static bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

void Reverse::findActive() {
  for (BlockArgument argument : step.getArguments())
    if (step.getArgAttr(argument.getArgNumber(), TPCDialect::kParam))
      active.insert(argument);
  for (Operation &op : step.getBody().front())
    if (llvm::any_of(op.getOperands(), [&](Value operand) { return active.contains(operand); }))
      for (Value result : op.getResults())
        if (isFloatTensor(result.getType()))
          active.insert(result);
}

/// In the wider of two element types: a parameter's cotangents may be wider than its use.
Value Reverse::add(Location loc, Value a, Value b) {
  auto getWidth = [](Value value) {
    return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  };
  if (getWidth(a) < getWidth(b))
    a = arith::ExtFOp::create(builder, loc, b.getType(), a);
  else if (getWidth(b) < getWidth(a))
    b = arith::ExtFOp::create(builder, loc, a.getType(), b);
  return arith::AddFOp::create(builder, loc, a, b);
}

void Reverse::accumulate(Location loc, Value value, Value cotangent) {
  if (!cotangent || !active.contains(value))
    return;
  Value &sum = cotangents[value];
  sum = sum ? add(loc, sum, cotangent) : cotangent;
}

LogicalResult Reverse::visit(Operation *op) {
  SmallVector<Value> results =
      llvm::map_to_vector(op->getResults(), [&](Value v) { return cotangents.lookup(v); });
  bool wanted =
      llvm::any_of(op->getOperands(), [&](Value operand) { return active.contains(operand); });
  if (!wanted || llvm::none_of(results, [](Value value) { return value != nullptr; }))
    return success();
  auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
  if (!differentiable)
    return op->emitOpError("has no derivative, but the loss depends on a parameter through it");
  SmallVector<Value> operands;
  if (failed(differentiable.buildCotangents(builder, results, operands)))
    return failure();
  for (auto [operand, cotangent] : llvm::zip_equal(op->getOperands(), operands))
    accumulate(op->getLoc(), operand, cotangent);
  return success();
}

LogicalResult Reverse::run(Value loss) {
  SmallVector<Operation *> forward = llvm::map_to_vector(
      step.getBody().front().without_terminator(), [](Operation &op) { return &op; });
  auto type = cast<RankedTensorType>(loss.getType());
  Attribute one = builder.getFloatAttr(type.getElementType(), 1.0);
  cotangents[loss] =
      arith::ConstantOp::create(builder, loss.getLoc(), DenseElementsAttr::get(type, one));
  for (Operation *op : llvm::reverse(forward))
    if (failed(visit(op)))
      return failure();
  return success();
}

/// Interfaces build every operand's cotangent; those of constants and inputs are dead.
static void eraseDead(func::FuncOp step) {
  Operation *op = step.getBody().front().getTerminator();
  while (op) {
    Operation *previous = op->getPrevNode();
    if (op->hasAttr("tpc.backward") && isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
}

//===-- the pass ---------------------------------------------------------------===//

/// The number of the result called "loss", a float scalar.
static FailureOr<unsigned> findLoss(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<StringAttr>(i, TPCDialect::kOutput);
    if (!name || name.getValue() != "loss")
      continue;
    auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[i]);
    if (type && type.getRank() == 0 && isa<FloatType>(type.getElementType()))
      return i;
    return function.emitError("expects the result \"loss\" to be a float scalar, got ")
           << function.getResultTypes()[i];
  }
  return function.emitError("expects a result with tpc.output = \"loss\"");
}

/// Appends one result per parameter.
static LogicalResult appendGradients(func::FuncOp step, const Reverse &reverse) {
  Builder builder(step.getContext());
  SmallVector<Value> gradients;
  SmallVector<DictionaryAttr> attributes;
  for (BlockArgument argument : step.getArguments()) {
    auto param = step.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam);
    if (!param)
      continue;
    gradients.push_back(reverse.getCotangent(argument));
    if (!gradients.back())
      return step.emitError("the loss does not depend on parameter '") << param.getName() << "'";
    attributes.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr(TPCDialect::kGradient, builder.getStringAttr(param.getName()))));
  }
  unsigned number = step.getNumResults();
  Operation *terminator = step.getBody().front().getTerminator();
  terminator->insertOperands(number, gradients);
  SmallVector<unsigned> positions(gradients.size(), number);
  return step.insertResults(positions, TypeRange(ValueRange(gradients)), attributes);
}

namespace {
struct Differentiate : tpc::impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    auto loss = getOperation().lookupSymbol<func::FuncOp>("loss");
    if (!loss) {
      getOperation().emitError("expects a function @loss");
      return signalPassFailure();
    }
    FailureOr<unsigned> number = findLoss(loss);
    if (failed(number))
      return signalPassFailure();
    func::FuncOp step = loss.clone();
    step.setName("step");
    getOperation().insert(std::next(loss->getIterator()), step);

    Operation *terminator = step.getBody().front().getTerminator();
    BackwardMarker marker;
    OpBuilder builder(terminator);
    builder.setListener(&marker);
    Reverse reverse(step, builder);
    if (failed(reverse.run(terminator->getOperand(*number))) ||
        failed(appendGradients(step, reverse)))
      return signalPassFailure();
    eraseDead(step);
    numBackwardOps += marker.count;
  }
};
} // namespace
