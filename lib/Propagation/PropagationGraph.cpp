//===- PropagationGraph.cpp -----------------------------------------------===//

#include "tpc/Propagation/PropagationGraph.h"
#include "tpc/Propagation/ClaimOrder.h"
#include "tpc/Propagation/RuleReader.h"

using namespace mlir;
using namespace tpc;

ProgramPhase tpc::getMarkedPhase(Operation *op) {
  if (op->hasAttr(kUpdateMark))
    return ProgramPhase::Update;
  return op->hasAttr(kBackwardMark) ? ProgramPhase::Backward : ProgramPhase::Forward;
}

/// A constant is settled with the first program that uses it.
static ProgramPhase getPhase(Operation *op) {
  if (op->getNumOperands() != 0 || op->use_empty())
    return getMarkedPhase(op);
  ProgramPhase first = ProgramPhase::Update;
  for (Operation *user : op->getUsers())
    first = std::min(first, getMarkedPhase(user));
  return first;
}

static Layout getOpenLayout(unsigned rank) {
  Layout layout = Layout::replicated(rank);
  layout.open.assign(rank, true);
  return layout;
}

static ShardingRule getIdentityRule(RankedTensorType type) {
  ShardingRule rule;
  TensorMapping mapping;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    rule.factors.push_back({size, FactorKind::PassThrough, ReductionKind::Sum,
                            std::string(1, static_cast<char>('a' + dim))});
    mapping.push_back({static_cast<unsigned>(dim)});
  }
  rule.operands = {mapping};
  rule.results = {mapping};
  return rule;
}

namespace {

/// Builds the graph of one function.
class GraphBuilder {
public:
  GraphBuilder(func::FuncOp function, const LayoutReader &reader,
               const ParameterLayouts &parameters, PropagationGraph &graph)
      : function(function), reader(reader), parameters(parameters), graph(graph) {}

  LogicalResult run();

private:
  LogicalResult addArgument(BlockArgument argument);
  LogicalResult addOp(Operation *op);
  LogicalResult addOpResult(const GraphOp &op, OpResult result);
  LogicalResult addReturned(func::ReturnOp op, unsigned number);
  LogicalResult addAliasedReturn(func::ReturnOp op, unsigned number, IntegerAttr argument);
  FailureOr<LayoutAttr> getReturnedLayout(unsigned number, bool &isParameter);

  unsigned addValue(Value value, RankedTensorType type, Layout layout, ClaimPriority priority);
  void addOp(GraphOp op);
  void addReturn(func::ReturnOp op, Value returned, unsigned target);

  func::FuncOp function;
  const LayoutReader &reader;
  const ParameterLayouts &parameters;
  PropagationGraph &graph;
};

} // namespace

unsigned GraphBuilder::addValue(Value value, RankedTensorType type, Layout layout,
                                ClaimPriority priority) {
  unsigned number = graph.values.size();
  graph.values.push_back({value,
                          type,
                          std::move(layout),
                          priority,
                          /*forwardOnly=*/false,
                          ProgramPhase::Update,
                          {},
                          {},
                          {},
                          /*depth=*/0});
  if (value)
    graph.numbers[value] = number;
  return number;
}

/// Links the op to its values. A value belongs to the first phase that touches it.
void GraphBuilder::addOp(GraphOp op) {
  unsigned number = graph.ops.size();
  for (int operand : ArrayRef(op.tensors).take_front(op.numOperands))
    if (operand >= 0)
      op.depth = std::max(op.depth, graph.values[operand].depth);
  ++op.depth;
  for (int result : ArrayRef(op.tensors).drop_front(op.numOperands))
    if (result >= 0 && graph.values[result].ops.empty())
      graph.values[result].depth = op.depth;
  op.factorRanks = rankFactors(op.rule);
  for (int tensor : op.tensors) {
    if (tensor < 0)
      continue;
    GraphValue &value = graph.values[tensor];
    value.phase = std::min(value.phase, op.phase);
    if (value.ops.empty() || value.ops.back() != number)
      value.ops.push_back(number);
  }
  graph.ops.push_back(std::move(op));
}

//===----------------------------------------------------------------------===//
// Arguments and ops
//===----------------------------------------------------------------------===//

LogicalResult GraphBuilder::addArgument(BlockArgument argument) {
  if (failed(verifyStaticShape(argument.getType(), [&] { return emitError(argument.getLoc()); })))
    return failure();
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type)
    return success();
  DictionaryAttr attributes = function.getArgAttrDict(argument.getArgNumber());
  auto get = [&](StringRef name) { return attributes ? attributes.get(name) : Attribute(); };
  auto layout = dyn_cast_or_null<LayoutAttr>(get(TPCDialect::kLayout));
  auto param = dyn_cast_or_null<ParamAttr>(get(TPCDialect::kParam));
  if (!layout && param)
    layout = parameters.lookup(param.getName());
  if (!layout) {
    addValue(argument, type,
             param ? Layout::replicated(type.getRank()) : getOpenLayout(type.getRank()),
             ClaimPriority::Derived);
    return success();
  }
  auto emit = [&] {
    InFlightDiagnostic diagnostic = emitError(argument.getLoc());
    if (param)
      diagnostic << "parameter '" << param.getName() << "': ";
    else
      diagnostic << "argument " << argument.getArgNumber() << " of @" << function.getSymName()
                 << ": ";
    return diagnostic;
  };
  FailureOr<Layout> read = reader.read(layout, type, emit);
  if (failed(read))
    return failure();
  addValue(argument, type, std::move(*read),
           param ? ClaimPriority::Parameter : ClaimPriority::Requested);
  return success();
}

/// What an op's result may take over from the start: nothing in dimensions that the op needs whole.
static Layout getInitialLayout(const ShardingRule &rule, const TensorMapping &mapping) {
  Layout layout = getOpenLayout(mapping.size());
  for (unsigned dim = 0; dim < mapping.size(); ++dim)
    for (unsigned factor : mapping[dim])
      if (rule.factors[factor].kind == FactorKind::NeedReplication)
        layout.open[dim] = false;
  return layout;
}

static LayoutAttr getRequest(OpResult result) {
  if (auto constrain = dyn_cast<ConstrainOp>(result.getOwner()))
    return constrain.getLayout();
  if (auto reshard = dyn_cast<ReshardOp>(result.getOwner()))
    return reshard.getLayout();
  return getLayout(result);
}

LogicalResult GraphBuilder::addOpResult(const GraphOp &op, OpResult result) {
  auto type = cast<RankedTensorType>(result.getType());
  if (LayoutAttr request = getRequest(result)) {
    FailureOr<Layout> layout = reader.read(
        request, type, [&] { return op.op->emitOpError("asks for an impossible layout: "); });
    if (failed(layout))
      return failure();
    addValue(result, type, std::move(*layout),
             op.forwardOnly ? graph.values[op.tensors.front()].priority : ClaimPriority::Requested);
    return success();
  }
  unsigned number =
      addValue(result, type, getInitialLayout(op.rule, op.rule.results[result.getResultNumber()]),
               ClaimPriority::Derived);
  if (op.forwardOnly) { // a parameter's claims stay a parameter's behind its use
    graph.values[number].forwardOnly = true;
    graph.values[number].priority = graph.values[op.tensors.front()].priority;
  } else if (getStoredParameter(result)) { // ... and in front of it, cast
    graph.values[number].priority = graph.values[op.tensors.front()].priority;
  }
  return success();
}

LogicalResult GraphBuilder::addOp(Operation *op) {
  if (!isa<ShardingRuleOpInterface>(op) && !handlesTensors(op))
    return success();
  FailureOr<ShardingRule> rule = readShardingRule(op);
  if (failed(rule))
    return failure();
  GraphOp graphOp{op,
                  std::move(*rule),
                  {},
                  op->getNumOperands(),
                  getPhase(op),
                  isa<BroadcastOp>(op) || op->hasTrait<OpTrait::ConstantLike>(),
                  isa<UseOp>(op)};
  for (Value operand : op->getOperands()) {
    auto number = graph.numbers.find(operand);
    graphOp.tensors.push_back(number == graph.numbers.end() ? -1
                                                            : static_cast<int>(number->second));
  }
  for (OpResult result : op->getResults()) {
    if (!isa<RankedTensorType>(result.getType())) {
      graphOp.tensors.push_back(-1);
      continue;
    }
    if (failed(addOpResult(graphOp, result)))
      return failure();
    graphOp.tensors.push_back(graph.numbers.lookup(result));
  }
  addOp(std::move(graphOp));
  return success();
}

//===----------------------------------------------------------------------===//
// Results of the function
//===----------------------------------------------------------------------===//

/// The layout of a result that has one of its own, else null. `isParameter`: it lies as a parameter
/// does, replicated if that has none.
FailureOr<LayoutAttr> GraphBuilder::getReturnedLayout(unsigned number, bool &isParameter) {
  if (auto layout = function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout))
    return layout;
  if (auto gradient = function.getResultAttrOfType<StringAttr>(number, TPCDialect::kGradient)) {
    isParameter = true;
    if (!parameters.contains(gradient.getValue()))
      return function.emitError("result ")
             << number << " is the gradient of '" << gradient.getValue()
             << "', which is no parameter of the module";
    return parameters.lookup(gradient.getValue());
  }
  if (auto param = function.getResultAttrOfType<ParamAttr>(number, TPCDialect::kParam)) {
    isParameter = true;
    return parameters.lookup(param.getName());
  }
  return LayoutAttr();
}

void GraphBuilder::addReturn(func::ReturnOp op, Value returned, unsigned target) {
  unsigned source = graph.numbers.lookup(returned);
  ProgramPhase phase = graph.values[source].phase;
  graph.results.back() = target;
  addOp({op,
         getIdentityRule(graph.values[source].type),
         {static_cast<int>(source), static_cast<int>(target)},
         1,
         phase,
         /*repeats=*/false,
         /*forwardOnly=*/false});
}

/// The new value of an argument lies as the argument does.
LogicalResult GraphBuilder::addAliasedReturn(func::ReturnOp op, unsigned number,
                                             IntegerAttr argument) {
  if (argument.getInt() < 0 || argument.getInt() >= function.getNumArguments() ||
      function.getArgumentTypes()[argument.getInt()] != op.getOperand(number).getType())
    return function.emitError("result ")
           << number << " is said to update argument " << argument.getInt()
           << ", which is no argument of its type";
  unsigned target = graph.numbers.lookup(function.getArgument(argument.getInt()));
  auto layout = function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout);
  if (layout && layout.getMesh() == reader.getSymbol() &&
      layout.getLayout(graph.mesh).dims != graph.values[target].layout.dims) {
    InFlightDiagnostic diagnostic = function.emitError("result ")
                                    << number << " updates argument " << argument.getInt()
                                    << " and must lie as it does, got " << layout;
    diagnostic.attachNote(function.getArgument(argument.getInt()).getLoc())
        << "the argument is " << toDTensorString(graph.values[target].layout, graph.mesh);
    return diagnostic;
  }
  addReturn(op, op.getOperand(number), target);
  return success();
}

LogicalResult GraphBuilder::addReturned(func::ReturnOp op, unsigned number) {
  auto type = dyn_cast<RankedTensorType>(op.getOperand(number).getType());
  graph.results.push_back(-1);
  if (!type)
    return success();
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    return addAliasedReturn(op, number, alias);
  bool isParameter = false;
  FailureOr<LayoutAttr> attribute = getReturnedLayout(number, isParameter);
  if (failed(attribute))
    return failure();
  if (!*attribute && !isParameter)
    return success();
  Layout layout = Layout::replicated(type.getRank());
  if (*attribute) {
    FailureOr<Layout> read = reader.read(
        *attribute, type, [&] { return function.emitError("result ") << number << ": "; });
    if (failed(read))
      return failure();
    layout = std::move(*read);
  }
  unsigned target = addValue(Value(), type, std::move(layout), ClaimPriority::Requested);
  addReturn(op, op.getOperand(number), target);
  return success();
}

LogicalResult GraphBuilder::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitError("needs a body of one block to be given layouts, got ")
           << function.getBody().getBlocks().size();
  bool ok = true; // all errors of a function are reported, not only the first
  for (BlockArgument argument : function.getArguments())
    ok &= succeeded(addArgument(argument));
  if (!ok)
    return failure();
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(addOp(&op)))
      return failure();
  auto returned = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (unsigned number = 0; number < returned.getNumOperands(); ++number)
    ok &= succeeded(addReturned(returned, number));
  return success(ok);
}

FailureOr<PropagationGraph> tpc::buildPropagationGraph(func::FuncOp function,
                                                       const LayoutReader &reader,
                                                       const ParameterLayouts &parameters,
                                                       ArrayRef<AxisRef> storageAxes) {
  PropagationGraph graph;
  graph.mesh = reader.getMesh();
  graph.storageAxes.assign(storageAxes.begin(), storageAxes.end());
  if (failed(GraphBuilder(function, reader, parameters, graph).run()))
    return failure();
  return graph;
}
