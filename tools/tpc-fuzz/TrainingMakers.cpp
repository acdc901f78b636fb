//===- TrainingMakers.cpp - what a training step adds: norms, optimizer, initial values ---===//

#include "OpMakers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

static void makeSumSquares(Graph &graph) {
  Term input = graph.pickFloat();
  double bound = input.bound * input.bound * static_cast<double>(input.getType().getNumElements());
  if (graph.fits(bound, input.grain * input.grain))
    graph.define(SumSquaresOp::create(graph.builder, graph.loc, graph.getType({}), input.value),
                 bound, input.grain * input.grain);
}

static Value addInteger(Graph &graph, Type type, int64_t value) {
  auto tensor = RankedTensorType::get({}, type);
  auto splat = DenseElementsAttr::get(tensor, graph.builder.getIntegerAttr(type, value));
  return arith::ConstantOp::create(graph.builder, graph.loc, splat);
}

/// The second moment is kept away from zero, where the step has no slope.
static void makeAdamW(Graph &graph) {
  Term param = graph.pickFloat(0, 3);
  auto pick = [&] { return graph.pickLike(param.getShape()); };
  auto scalar = [&](double value) { return graph.addConstant({}, value).value; };
  Term gradient = pick(), average = pick(), root = pick();
  if (std::max({param.bound, gradient.bound, average.bound, root.bound}) > 64)
    return;
  Value square = arith::MulFOp::create(graph.builder, graph.loc, root.value, root.value);
  Value variance = arith::AddFOp::create(graph.builder, graph.loc, square,
                                         graph.addConstant(param.getShape(), 0.5).value);
  auto op = AdamWOp::create(
      graph.builder, graph.loc, param.value, gradient.value, average.value, variance, scalar(0.5),
      scalar(0.125), scalar(0.5), scalar(0.75), scalar(0.25), scalar(0.125),
      addInteger(graph, graph.builder.getI32Type(), graph.random.between(1, 3)));
  graph.define(op.getNewParam(), param.bound + 64, 0);
  graph.define(op.getNewExpAvg(), average.bound + gradient.bound, 0);
  graph.define(op.getNewExpAvgSq(), root.bound * root.bound + gradient.bound * gradient.bound + 1,
               0);
}

static void makeInit(Graph &graph) {
  static const tpc::ParameterKind kinds[] = {tpc::ParameterKind::Linear,
                                             tpc::ParameterKind::Embedding,
                                             tpc::ParameterKind::Bias, tpc::ParameterKind::Norm};
  SmallVector<int64_t> shape = graph.drawShape(1, 4);
  auto param = ParamAttr::get(graph.builder.getContext(), "initial", shape,
                              graph.random.pick(kinds), shape.back());
  Value seed = addInteger(graph, graph.builder.getI64Type(), graph.random.below(100));
  Value scheme = addInteger(graph, graph.builder.getI32Type(), graph.random.below(2));
  graph.define(InitOp::create(graph.builder, graph.loc, graph.getType(shape), seed, scheme, param,
                              graph.builder.getF64FloatAttr(0.5),
                              graph.builder.getDenseI64ArrayAttr(shape), ValueRange()),
               16, 0);
}

/// With probability 1/2 what is kept is doubled, which is exact.
static void makeDropout(Graph &graph) {
  Term input = graph.pickFloat(1, 5);
  Value seed = addInteger(graph, graph.builder.getI64Type(), graph.random.below(100));
  if (graph.fits(2 * input.bound, input.grain))
    graph.define(DropoutOp::create(
                     graph.builder, graph.loc, input.value, seed,
                     graph.builder.getF64FloatAttr(0.5),
                     graph.builder.getStringAttr("stream " + std::to_string(graph.random.below(4))),
                     graph.builder.getDenseI64ArrayAttr(input.getShape()), ValueRange()),
                 2 * input.bound, input.grain);
}

ArrayRef<OpMaker> tpc::fuzz::getTrainingMakers() {
  static const OpMaker makers[] = {
      {"tpc.sum_squares", true, 1, makeSumSquares},
      {"tpc.adamw", false, 1, makeAdamW},
      {"tpc.dropout", true, 2, makeDropout},
      {"tpc.init", false, 1, makeInit},
  };
  return makers;
}
