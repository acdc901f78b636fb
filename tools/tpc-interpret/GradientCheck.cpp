//===- GradientCheck.cpp - gradients against differences -----------------------===//

#include "GradientCheck.h"
#include "tpc_random.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static constexpr double kStep = 1e-5;

static std::vector<RankTensors> makeArguments(func::FuncOp function, const InputOptions &inputs) {
  std::vector<RankTensors> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    arguments.push_back({makeInput(function, i, inputs)});
  return arguments;
}

static std::optional<unsigned> findResult(func::FuncOp function, StringRef attribute,
                                          StringRef name) {
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto text = function.getResultAttrOfType<StringAttr>(i, attribute);
        text && text.getValue() == name)
      return i;
  return std::nullopt;
}

static Tensor makeDirection(const Tensor &like, StringRef name) {
  Tensor direction = like;
  uint64_t stream = tpc_random_stream(("direction of " + name).str().c_str());
  for (int64_t i = 0; i < direction.size(); ++i)
    direction.data[i] = tpc_random_normal(1, stream, i);
  return direction;
}

/// loss(w + distance * direction) for argument `number`.
static FailureOr<double> evaluate(func::FuncOp loss, std::vector<RankTensors> arguments,
                                  unsigned number, const Tensor &direction, double distance,
                                  unsigned result) {
  for (auto [value, by] : llvm::zip_equal(arguments[number][0].data, direction.data))
    value += distance * by;
  FailureOr<std::vector<RankTensors>> results = interpret(loss, std::move(arguments), {});
  if (failed(results))
    return failure();
  return (*results)[result][0].data[0];
}

LogicalResult tpc::checkGradients(ModuleOp module, const InputOptions &inputs, double tolerance) {
  auto loss = module.lookupSymbol<func::FuncOp>("loss"),
       step = module.lookupSymbol<func::FuncOp>("step");
  if (!loss || !step)
    return module.emitError(
        "needs @loss and @step to check gradients: run tpc-differentiate first");
  std::optional<unsigned> lossResult = findResult(loss, TPCDialect::kOutput, "loss");
  if (!lossResult)
    return loss.emitError("needs a result \"loss\" to check gradients");
  if (failed(checkInterpretable(step, 1)) || failed(checkInterpretable(loss, 1)))
    return failure();
  FailureOr<std::vector<RankTensors>> results = interpret(step, makeArguments(step, inputs), {});
  if (failed(results))
    return failure();
  std::vector<RankTensors> arguments = makeArguments(loss, inputs);
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto param = loss.getArgAttrOfType<ParamAttr>(i, TPCDialect::kParam);
    std::optional<unsigned> gradient =
        param ? findResult(step, TPCDialect::kGradient, param.getName()) : std::nullopt;
    if (!gradient)
      continue;
    Tensor direction = makeDirection(arguments[i][0], param.getName());
    double slope = 0;
    for (auto [g, v] : llvm::zip_equal((*results)[*gradient][0].data, direction.data))
      slope += g * v;
    FailureOr<double> up = evaluate(loss, arguments, i, direction, kStep, *lossResult);
    FailureOr<double> down = evaluate(loss, arguments, i, direction, -kStep, *lossResult);
    if (failed(up) || failed(down))
      return failure();
    double difference = (*up - *down) / (2 * kStep);
    double error =
        std::fabs(slope - difference) / std::max({std::fabs(slope), std::fabs(difference), 1e-3});
    llvm::outs() << param.getName() << ": "
                 << llvm::format("gradient %.9g, difference %.9g", slope, difference) << "\n";
    if (!(error <= tolerance))
      return step.emitError("the gradient of '")
             << param.getName() << "' differs from differences by a factor of " << error;
  }
  return success();
}
