//===- Training.cpp - initial values, norms, AdamW -----------------------------===//

#include "Evaluators.h"
#include "tpc_random.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static LogicalResult sumSquares(Operation *, Operands operands, Results &results) {
  double sum = 0;
  for (double value : operands[0]->data)
    sum += value * value;
  results.push_back(Tensor::scalar(sum));
  return success();
}

static LogicalResult adamw(Operation *, Operands operands, Results &results) {
  enum {
    Param,
    Gradient,
    ExpAvg,
    ExpAvgSq,
    Scale,
    LearningRate,
    Beta1,
    Beta2,
    Eps,
    WeightDecay,
    Step
  };
  auto scalar = [&](int number) { return operands[number]->data[0]; };
  double lr = scalar(LearningRate), beta1 = scalar(Beta1), beta2 = scalar(Beta2);
  double correction1 = 1 - std::pow(beta1, scalar(Step)),
         correction2 = 1 - std::pow(beta2, scalar(Step));
  Tensor param = *operands[Param], expAvg = *operands[ExpAvg], expAvgSq = *operands[ExpAvgSq];
  for (int64_t i = 0; i < param.size(); ++i) {
    double gradient = scalar(Scale) * operands[Gradient]->data[i];
    expAvg.data[i] = beta1 * expAvg.data[i] + (1 - beta1) * gradient;
    expAvgSq.data[i] = beta2 * expAvgSq.data[i] + (1 - beta2) * gradient * gradient;
    double denominator = std::sqrt(expAvgSq.data[i] / correction2) + scalar(Eps);
    param.data[i] = param.data[i] * (1 - lr * scalar(WeightDecay)) -
                    lr * (expAvg.data[i] / correction1) / denominator;
  }
  results.push_back(std::move(param));
  results.push_back(std::move(expAvg));
  results.push_back(std::move(expAvgSq));
  return success();
}

//===-- random values ----------------------------------------------------------===//

/// Calls `visit` for every element of a box of `shape` at `offsets` (index operands; none: zero)
/// with its row-major position in `globalShape`, or none in the padding beyond it.
static void forEachGlobalPosition(ArrayRef<int64_t> shape, ArrayRef<int64_t> globalShape,
                                  Operands offsets,
                                  llvm::function_ref<void(std::optional<uint64_t>)> visit) {
  SmallVector<int64_t, 6> strides = Tensor{SmallVector<int64_t, 6>(globalShape), {}}.getStrides();
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    uint64_t position = 0;
    bool inside = true;
    for (auto [dim, i] : llvm::enumerate(index)) {
      int64_t global = i + (offsets.empty() ? 0 : int64_t(offsets[dim]->data[0]));
      inside &= global < globalShape[dim];
      position += global * strides[dim];
    }
    visit(inside ? std::optional(position) : std::nullopt);
  });
}

/// The value of global element `index`.
static double draw(InitOp op, uint64_t seed, int64_t scheme, uint64_t index) {
  ParamAttr param = op.getParam();
  uint64_t stream = tpc_random_stream(param.getName().str().c_str());
  double bound = 1.0 / std::sqrt(static_cast<double>(param.getFanIn()));
  bool torch = scheme == 1;
  switch (param.getKind()) {
  case ParameterKind::Norm:
    return 1.0;
  case ParameterKind::Embedding:
    return (torch ? 1.0 : op.getInitializerRange().convertToDouble()) *
           tpc_random_normal(seed, stream, index);
  case ParameterKind::Bias:
    return torch ? bound * (2 * tpc_random_uniform(seed, stream, index) - 1) : 0.0;
  case ParameterKind::Linear:
    return torch ? bound * (2 * tpc_random_uniform(seed, stream, index) - 1)
                 : op.getInitializerRange().convertToDouble() *
                       tpc_random_normal(seed, stream, index);
  }
  llvm_unreachable("a parameter is a weight, an embedding, a bias or a norm");
}

static LogicalResult init(Operation *op, Operands operands, Results &results) {
  auto initOp = cast<InitOp>(op);
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  uint64_t seed = static_cast<int64_t>(operands[0]->data[0]);
  int64_t scheme = operands[1]->data[0], next = 0;
  forEachGlobalPosition(result.shape, initOp.getGlobalShape(), operands.drop_front(2),
                        [&](std::optional<uint64_t> position) {
                          result.data[next++] =
                              position ? draw(initOp, seed, scheme, *position) : 0;
                        });
  results.push_back(std::move(result));
  return success();
}

static LogicalResult dropout(Operation *op, Operands operands, Results &results) {
  auto dropoutOp = cast<DropoutOp>(op);
  Tensor result = *operands[0];
  uint64_t seed = static_cast<int64_t>(operands[1]->data[0]);
  uint64_t stream = tpc_random_stream(dropoutOp.getStream().str().c_str());
  double probability = dropoutOp.getProbability().convertToDouble();
  int64_t next = 0;
  forEachGlobalPosition(
      result.shape, dropoutOp.getGlobalShape(), operands.drop_front(2),
      [&](std::optional<uint64_t> position) {
        bool kept = !position || tpc_random_uniform(seed, stream, *position) >= probability;
        result.data[next] = kept ? result.data[next] * (1 / (1 - probability)) : 0.0;
        ++next;
      });
  results.push_back(std::move(result));
  return success();
}

void tpc::addTrainingEvaluators(EvaluatorTable &table) {
  table.add<SumSquaresOp>(sumSquares);
  table.add<AdamWOp>(adamw);
  table.add<InitOp>(init);
  table.add<DropoutOp>(dropout);
}
