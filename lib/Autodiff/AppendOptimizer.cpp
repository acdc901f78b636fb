//===- AppendOptimizer.cpp - clipping, AdamW, and initial values ---------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "tpc/Autodiff/Passes.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Dialect/TPCDialect.h"

#define DEBUG_TYPE "tpc-append-optimizer"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_APPENDOPTIMIZER
#include "tpc/Autodiff/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static constexpr StringLiteral kFloatInputs[] = {"learning_rate", "beta1",        "beta2",
                                                 "eps",           "weight_decay", "clip"};
static constexpr StringLiteral kStates[] = {"exp_avg", "exp_avg_sq"};

namespace {

struct UpdateMarker : OpBuilder::Listener {
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    op->setAttr("tpc.update", UnitAttr::get(op->getContext()));
  }
};

/// One parameter of the step and what hangs on it.
struct Parameter {
  BlockArgument value;
  ParamAttr param;
  LayoutAttr layout; ///< null before a plan is applied
  Value gradient;
  BlockArgument states[2];
};

/// New parameters, new exp_avg, new exp_avg_sq, each in parameter order.
using Updates = std::array<SmallVector<Value>, 3>;

/// Rewrites @step of one module.
class Optimizer {
public:
  explicit Optimizer(func::FuncOp step)
      : step(step), builder(step.getBody().front().getTerminator()) {
    builder.setListener(&marker);
  }
  LogicalResult run();
  ArrayRef<Parameter> getParameters() const { return parameters; }

private:
  LogicalResult collectParameters();
  LogicalResult insertHyperParameters();
  LogicalResult appendStates();
  Value buildNorm();
  Value buildCoefficient(Value norm);
  Updates buildUpdates(Value coefficient);
  LogicalResult insertResults(unsigned position, Value norm, const Updates &updates);

  DictionaryAttr getStateAttrs(const Parameter &parameter, StringRef state);
  Value scalar(double value);

  func::FuncOp step;
  UpdateMarker marker;
  OpBuilder builder;
  SmallVector<Parameter, 0> parameters;
  llvm::StringMap<Value> inputs;
  Location loc = NameLoc::get(StringAttr::get(step.getContext(), "optimizer"));
};

} // namespace

LogicalResult Optimizer::collectParameters() {
  llvm::StringMap<Value> gradients;
  for (auto [number, value] :
       llvm::enumerate(step.getBody().front().getTerminator()->getOperands()))
    if (auto name = step.getResultAttrOfType<StringAttr>(number, TPCDialect::kGradient))
      gradients[name.getValue()] = value;
  for (BlockArgument argument : step.getArguments()) {
    auto param = step.getArgAttrOfType<ParamAttr>(argument.getArgNumber(), TPCDialect::kParam);
    if (!param)
      continue;
    if (!gradients.count(param.getName()))
      return step.emitError("expects a gradient of '")
             << param.getName() << "': run tpc-differentiate first";
    parameters.push_back(
        {argument, param, getLayout(argument), gradients.lookup(param.getName()), {}});
  }
  return parameters.empty() ? step.emitError("has no parameters to train") : success();
}

/// Scalars go before the first parameter.
LogicalResult Optimizer::insertHyperParameters() {
  unsigned position = parameters.front().value.getArgNumber();
  auto insert = [&](StringRef name, Type element) {
    auto attributes = builder.getDictionaryAttr(
        builder.getNamedAttr(TPCDialect::kInput, builder.getStringAttr(name)));
    if (failed(step.insertArgument(position, RankedTensorType::get({}, element), attributes, loc)))
      return failure();
    inputs[name] = step.getArgument(position++);
    return success();
  };
  Type element = getElementTypeOrSelf(parameters.front().value.getType());
  for (StringRef name : kFloatInputs)
    if (failed(insert(name, element)))
      return failure();
  return insert("step", builder.getI32Type());
}

DictionaryAttr Optimizer::getStateAttrs(const Parameter &parameter, StringRef state) {
  NamedAttrList attributes;
  attributes.set(TPCDialect::kParam, parameter.param);
  attributes.set(TPCDialect::kState, builder.getStringAttr(state));
  if (parameter.layout)
    attributes.set(TPCDialect::kLayout, parameter.layout);
  return attributes.getDictionary(builder.getContext());
}

LogicalResult Optimizer::appendStates() {
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  for (StringRef state : kStates)
    for (const Parameter &parameter : parameters) {
      types.push_back(parameter.value.getType());
      attributes.push_back(getStateAttrs(parameter, state));
    }
  unsigned position = step.getNumArguments();
  SmallVector<unsigned> positions(types.size(), position);
  if (failed(step.insertArguments(positions, types, attributes,
                                  SmallVector<Location>(types.size(), loc))))
    return failure();
  for (unsigned index = 0; index < std::size(kStates); ++index)
    for (Parameter &parameter : parameters)
      parameter.states[index] = step.getArgument(position++);
  return success();
}

Value Optimizer::scalar(double value) {
  auto type = cast<ShapedType>(inputs["clip"].getType());
  Attribute element = builder.getFloatAttr(type.getElementType(), value);
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, element));
}

Value Optimizer::buildNorm() {
  Value sum;
  for (Parameter &parameter : parameters) {
    Value squares =
        SumSquaresOp::create(builder, loc, inputs["clip"].getType(), parameter.gradient);
    sum = sum ? arith::AddFOp::create(builder, loc, sum, squares).getResult() : squares;
  }
  return math::SqrtOp::create(builder, loc, sum);
}

Value Optimizer::buildCoefficient(Value norm) {
  Value clip = inputs["clip"], one = scalar(1.0);
  Value padded = arith::AddFOp::create(builder, loc, norm, scalar(1e-6));
  Value ratio = arith::DivFOp::create(builder, loc, clip, padded);
  Value bounded = arith::MinimumFOp::create(builder, loc, ratio, one);
  Value enabled = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, clip, scalar(0.0));
  return arith::SelectOp::create(builder, loc, enabled, bounded, one);
}

Updates Optimizer::buildUpdates(Value coefficient) {
  Updates updates;
  for (Parameter &parameter : parameters) {
    Type type = parameter.value.getType();
    auto adamw = AdamWOp::create(
        builder, loc, type, type, type, parameter.value, parameter.gradient, parameter.states[0],
        parameter.states[1], coefficient, inputs["learning_rate"], inputs["beta1"], inputs["beta2"],
        inputs["eps"], inputs["weight_decay"], inputs["step"]);
    for (auto [index, result] : llvm::enumerate(adamw.getResults()))
      updates[index].push_back(result);
  }
  return updates;
}

LogicalResult Optimizer::insertResults(unsigned position, Value norm, const Updates &updates) {
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> dictionaries;
  auto insert = [&](Value value, ArrayRef<NamedAttribute> attributes) {
    values.push_back(value);
    dictionaries.push_back(builder.getDictionaryAttr(attributes));
  };
  insert(norm, builder.getNamedAttr(TPCDialect::kOutput, builder.getStringAttr("grad_norm")));
  for (unsigned kind = 0; kind < 3; ++kind)
    for (auto [parameter, value] : llvm::zip_equal(parameters, updates[kind])) {
      BlockArgument target = kind ? parameter.states[kind - 1] : parameter.value;
      SmallVector<NamedAttribute> attributes{builder.getNamedAttr(
          TPCDialect::kAlias, builder.getI64IntegerAttr(target.getArgNumber()))};
      if (parameter.layout)
        attributes.push_back(builder.getNamedAttr(TPCDialect::kLayout, parameter.layout));
      insert(value, attributes);
    }
  step.getBody().front().getTerminator()->insertOperands(position, values);
  SmallVector<unsigned> positions(values.size(), position);
  if (failed(step.insertResults(positions, TypeRange(ValueRange(values)), dictionaries)))
    return failure();
  position += values.size();
  SignatureAttributes signature(step);
  for (const Parameter &parameter : parameters) // the gradients that tpc-differentiate returned
    if (parameter.layout)
      signature.setResult(position + (&parameter - parameters.begin()), TPCDialect::kLayout,
                          parameter.layout);
  signature.write();
  return success();
}

LogicalResult Optimizer::run() {
  if (failed(collectParameters()) || failed(insertHyperParameters()) || failed(appendStates()))
    return failure();
  unsigned position = step.getNumResults() - parameters.size();
  Value norm = buildNorm();
  return insertResults(position, norm, buildUpdates(buildCoefficient(norm)));
}

//===-- @init ------------------------------------------------------------------===//

static double getInitializerRange(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>(TPCDialect::kModel);
  auto range = model ? model.getAs<FloatAttr>("initializer_range") : FloatAttr();
  return range ? range.getValueAsDouble() : 0.02; // Hugging Face's default
}

/// Result attributes: what the value is, and where it will lie.
static DictionaryAttr getInitAttrs(Builder &builder, const Parameter &parameter, StringRef state) {
  NamedAttrList attributes;
  attributes.set(TPCDialect::kParam, parameter.param);
  if (!state.empty())
    attributes.set(TPCDialect::kState, builder.getStringAttr(state));
  if (parameter.layout)
    attributes.set(TPCDialect::kLayout, parameter.layout);
  return attributes.getDictionary(builder.getContext());
}

static void buildInit(ModuleOp module, func::FuncOp step, ArrayRef<Parameter> parameters) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfter(step);
  Location loc = NameLoc::get(builder.getStringAttr("init"));
  Type seedType = RankedTensorType::get({}, builder.getI64Type()),
       schemeType = RankedTensorType::get({}, builder.getI32Type());
  SmallVector<Type> types;
  for (unsigned kind = 0; kind < 3; ++kind)
    for (const Parameter &parameter : parameters)
      types.push_back(parameter.value.getType());
  auto init = func::FuncOp::create(builder, loc, "init",
                                   builder.getFunctionType({seedType, schemeType}, types));
  init.setArgAttr(0, TPCDialect::kInput, builder.getStringAttr("seed"));
  init.setArgAttr(1, TPCDialect::kInput, builder.getStringAttr("init_scheme"));
  builder.setInsertionPointToStart(init.addEntryBlock());

  double range = getInitializerRange(module);
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> attributes;
  for (StringRef state : {StringRef(), StringRef(kStates[0]), StringRef(kStates[1])})
    for (const Parameter &parameter : parameters) {
      auto type = cast<RankedTensorType>(parameter.value.getType());
      attributes.push_back(getInitAttrs(builder, parameter, state));
      if (state.empty())
        values.push_back(
            InitOp::create(builder, loc, type, init.getArgument(0), init.getArgument(1),
                           parameter.param, builder.getF64FloatAttr(range),
                           builder.getDenseI64ArrayAttr(type.getShape()), ValueRange()));
      else
        values.push_back(arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type)));
    }
  init.setAllResultAttrs(attributes);
  func::ReturnOp::create(builder, loc, values);
}

namespace {
struct AppendOptimizer : tpc::impl::AppendOptimizerBase<AppendOptimizer> {
  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step) {
      getOperation().emitError("expects a function @step: run tpc-differentiate first");
      return signalPassFailure();
    }
    Optimizer optimizer(step);
    if (failed(optimizer.run()))
      return signalPassFailure();
    buildInit(getOperation(), step, optimizer.getParameters());
  }
};
} // namespace
