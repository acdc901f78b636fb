//===- Interpreter.cpp - all ranks execute each op together --------------------===//

#include "tpc/Interpreter/Interpreter.h"
#include "Evaluators.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

ArrayRef<int64_t> tpc::getTypeShape(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor ? tensor.getShape() : ArrayRef<int64_t>();
}

static const EvaluatorTable &getEvaluators() {
  static const EvaluatorTable table = [] {
    EvaluatorTable built;
    addElementwiseEvaluators(built);
    addShapeEvaluators(built);
    addTransformerEvaluators(built);
    addTrainingEvaluators(built);
    addCollectiveEvaluators(built);
    return built;
  }();
  return table;
}

/// Rounds to the element type of `type`, if that is a float narrower than f64.
static void roundTo(Type type, Tensor &tensor) {
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  if (!element || element.isF64())
    return;
  bool loses;
  for (double &value : tensor.data) {
    APFloat rounded(value);
    rounded.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
    rounded.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
    value = rounded.convertToDouble();
  }
}

namespace {

/// Values of one function while it runs; a value is dropped after its last use.
class Frame {
public:
  Frame(func::FuncOp function, const InterpreterOptions &options, const Frame *caller = nullptr)
      : function(function), options(options), caller(caller) {}
  FailureOr<std::vector<RankTensors>> run(std::vector<RankTensors> arguments);

private:
  LogicalResult visit(Operation *op);
  LogicalResult visitLocal(Operation *op, const LocalEvaluator &evaluator);
  LogicalResult visitCollective(Operation *op, const CollectiveEvaluator &evaluator);
  LogicalResult visitWait(WaitOp op);
  LogicalResult visitCall(Operation *op, FlatSymbolRefAttr callee);
  SmallVector<const Tensor *> getOperands(Operation *op, int64_t rank);
  void define(Value value, RankTensors tensors);
  void defineAll(ResultRange results, std::vector<RankTensors> tensors);
  void release(Operation *op);

  bool isRunning(func::FuncOp other) const {
    return other == function || (caller && caller->isRunning(other));
  }

  func::FuncOp function;
  const InterpreterOptions &options;
  const Frame *caller;
  DenseMap<Value, RankTensors> values;
  DenseMap<Value, std::vector<RankTensors>> underWay; ///< by pending value
};

} // namespace

SmallVector<const Tensor *> Frame::getOperands(Operation *op, int64_t rank) {
  return llvm::map_to_vector(op->getOperands(), [&](Value operand) -> const Tensor * {
    return &values.find(operand)->second[rank];
  });
}

void Frame::define(Value value, RankTensors tensors) {
  if (options.precision == Precision::Exact)
    for (Tensor &tensor : tensors)
      roundTo(value.getType(), tensor);
  values[value] = std::move(tensors);
}

void Frame::defineAll(ResultRange results, std::vector<RankTensors> tensors) {
  for (auto [value, ofRanks] : llvm::zip_equal(results, tensors))
    define(value, std::move(ofRanks));
}

LogicalResult Frame::visitLocal(Operation *op, const LocalEvaluator &evaluator) {
  std::vector<RankTensors> results(op->getNumResults());
  for (int64_t rank = 0; rank < options.ranks; ++rank) {
    SmallVector<Tensor, 1> produced;
    if (failed(evaluator(op, getOperands(op, rank), produced)))
      return failure();
    for (auto [result, tensor] : llvm::zip_equal(results, produced))
      result.push_back(std::move(tensor));
  }
  defineAll(op->getResults(), std::move(results));
  return success();
}

LogicalResult Frame::visitCollective(Operation *op, const CollectiveEvaluator &evaluator) {
  if (op->hasAttr(TPCDialect::kLayouts)) { // global form: the value stays what it is
    for (auto [operand, result] : llvm::zip_equal(op->getOperands(), op->getResults()))
      define(result, values.find(operand)->second);
    return success();
  }
  if (options.mesh.axes.empty() || options.mesh.getNumRanks() != options.ranks)
    return op->emitOpError("needs one simulated rank per device of its mesh");
  SmallVector<SmallVector<const Tensor *>> operands;
  for (int64_t rank = 0; rank < options.ranks; ++rank)
    operands.push_back(getOperands(op, rank));
  std::vector<std::vector<Tensor>> produced(options.ranks);
  if (failed(evaluator(op, operands, produced, options)))
    return failure();
  std::vector<RankTensors> delivered(produced.front().size());
  for (auto [number, tensors] : llvm::enumerate(delivered))
    for (std::vector<Tensor> &rank : produced)
      tensors.push_back(std::move(rank[number]));
  if (getWait(op))
    underWay[op->getResult(0)] = std::move(delivered);
  else
    defineAll(op->getResults(), std::move(delivered));
  return success();
}

LogicalResult Frame::visitWait(WaitOp op) {
  defineAll(op->getResults(), std::move(underWay[op.getPending()]));
  underWay.erase(op.getPending());
  return success();
}

LogicalResult Frame::visitCall(Operation *op, FlatSymbolRefAttr callee) {
  auto called = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, callee);
  if (!called || called.isExternal())
    return op->emitOpError("calls ") << callee << ", which has no body to interpret";
  if (isRunning(called))
    return op->emitOpError("calls ")
           << callee << ", which is running: without branches recursion never ends";
  if (failed(checkInterpretable(called, options.ranks)))
    return failure();
  std::vector<RankTensors> arguments;
  for (Value operand : op->getOperands())
    arguments.push_back(values.find(operand)->second);
  FailureOr<std::vector<RankTensors>> results =
      Frame(called, options, this).run(std::move(arguments));
  if (failed(results))
    return failure();
  defineAll(op->getResults(), std::move(*results));
  return success();
}

LogicalResult Frame::visit(Operation *op) {
  const EvaluatorTable &table = getEvaluators();
  if (auto call = dyn_cast<func::CallOp>(op))
    return visitCall(op, call.getCalleeAttr());
  if (auto launch = dyn_cast<LaunchOp>(op))
    return visitCall(op, launch.getKernelAttr());
  if (auto wait = dyn_cast<WaitOp>(op))
    return visitWait(wait);
  if (auto local = table.local.find(op->getName().getStringRef()); local != table.local.end())
    return visitLocal(op, local->second);
  if (auto entry = table.collective.find(op->getName().getStringRef());
      entry != table.collective.end())
    return visitCollective(op, entry->second);
  return op->emitOpError("is not known to the interpreter");
}

/// Frees operands that `op` is the last to use (programs are straight lines).
void Frame::release(Operation *op) {
  for (Value operand : op->getOperands())
    if (llvm::all_of(operand.getUsers(),
                     [&](Operation *user) { return user == op || user->isBeforeInBlock(op); }))
      values.erase(operand);
}

FailureOr<std::vector<RankTensors>> Frame::run(std::vector<RankTensors> arguments) {
  for (auto [argument, tensors] : llvm::zip_equal(function.getArguments(), arguments))
    define(argument, std::move(tensors));
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (failed(visit(&op)))
      return failure();
    release(&op);
  }
  std::vector<RankTensors> results;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    results.push_back(values.find(value)->second);
  return results;
}

FailureOr<std::vector<RankTensors>> tpc::interpret(func::FuncOp function,
                                                   std::vector<RankTensors> arguments,
                                                   const InterpreterOptions &options) {
  return Frame(function, options).run(std::move(arguments));
}

//===-- shards -----------------------------------------------------------------===//

RankTensors tpc::shard(const Tensor &tensor, GlobalAttr global, const Mesh &mesh) {
  Layout layout = global.getLayout().getLayout(mesh);
  RankTensors shards;
  for (int64_t rank = 0; rank < mesh.getNumRanks(); ++rank)
    shards.push_back(tensor.slice(getOffsets(global.getShape(), layout, mesh, rank),
                                  *getLocalShape(global.getShape(), layout)));
  return shards;
}

/// NaN is what padding may hold on every rank.
static bool areEqual(const Tensor &a, const Tensor &b) {
  return llvm::equal(a.data, b.data,
                     [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

FailureOr<Tensor> tpc::unshard(const RankTensors &shards, GlobalAttr global, const Mesh &mesh,
                               std::string &replica) {
  Layout layout = global.getLayout().getLayout(mesh);
  Tensor whole = Tensor::zeros(global.getShape());
  std::map<std::vector<int64_t>, int64_t> holders;
  for (auto [rank, tensor] : llvm::enumerate(shards)) {
    SmallVector<int64_t> offsets = getOffsets(global.getShape(), layout, mesh, rank);
    auto [holder, first] =
        holders.try_emplace(std::vector<int64_t>(offsets.begin(), offsets.end()), rank);
    if (!first && !areEqual(shards[holder->second], tensor)) {
      replica = "ranks " + std::to_string(holder->second) + " and " + std::to_string(rank);
      return failure();
    }
    whole.insert(tensor, offsets);
  }
  return whole;
}
