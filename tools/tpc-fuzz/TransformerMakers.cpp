//===- TransformerMakers.cpp - normalization, rotation, attention, loss ---------------===//

#include "OpMakers.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

static FloatAttr getNumber(Graph &graph, double value) {
  return graph.builder.getF64FloatAttr(value);
}

/// Beyond, exponentials of sums lose too many digits.
static bool isTame(const Term &term) { return term.bound <= 64; }

//===-- normalization ----------------------------------------------------------------===//

static void makeRmsNorm(Graph &graph) {
  Term input = graph.pickFloat(1, 4);
  int64_t width = input.getShape().back();
  if (!isTame(input))
    return;
  Term weight = graph.addParameter({width});
  graph.define(RmsNormOp::create(graph.builder, graph.loc, input.value, weight.value,
                                 getNumber(graph, 0x1p-7)),
               weight.bound * std::sqrt(static_cast<double>(width)), 0);
}

/// The gradient of a norm; `factor` bounds what is done to one element of the cotangent, of which
/// each result sums at most all.
template <typename OpType>
static void makeNormGrad(Graph &graph, double factor) {
  Term input = graph.pickFloat(1, 4), cotangent = graph.pickLike(input.getShape());
  double bound = factor * cotangent.bound * static_cast<double>(input.getType().getNumElements());
  if (!isTame(input) || !graph.fits(bound, 0))
    return;
  Term weight = graph.addParameter({input.getShape().back()});
  auto op = OpType::create(graph.builder, graph.loc, input.value, weight.value, cotangent.value,
                           getNumber(graph, 0x1p-7));
  for (Value result : op->getResults())
    graph.define(result, bound, 0);
}

/// r is at most 2^3.5, and r x at most sqrt(width).
static void makeRmsNormGrad(Graph &graph) { makeNormGrad<RmsNormGradOp>(graph, 32); }

static void makeLayerNorm(Graph &graph) {
  Term input = graph.pickFloat(1, 4);
  int64_t width = input.getShape().back();
  if (!isTame(input))
    return;
  Term weight = graph.addParameter({width}), bias = graph.addParameter({width});
  graph.define(LayerNormOp::create(graph.builder, graph.loc, input.value, weight.value, bias.value,
                                   getNumber(graph, 0x1p-7)),
               weight.bound * std::sqrt(static_cast<double>(width)) + bias.bound, 0);
}

static void makeLayerNormGrad(Graph &graph) { makeNormGrad<LayerNormGradOp>(graph, 64); }

//===-- rotation ---------------------------------------------------------------------===//

static void makeRope(Graph &graph) {
  Term input = graph.pickFloat(3, 5);
  int64_t pairs = input.getShape().back() / 2;
  if (input.getShape().back() % 2 || !graph.fits(2 * input.bound, 0))
    return;
  SmallVector<double> frequencies;
  for (int64_t i = 0; i < pairs; ++i)
    frequencies.push_back(static_cast<double>(graph.random.between(1, 8)) / 8);
  Type type = graph.getType({input.getShape()[1], pairs});
  auto table = RopeTableOp::create(graph.builder, graph.loc, TypeRange{type, type},
                                   graph.builder.getDenseF64ArrayAttr(frequencies),
                                   getNumber(graph, 1), Value());
  UnitAttr inverse = graph.random.chance(0.3) ? graph.builder.getUnitAttr() : UnitAttr();
  graph.define(RopeOp::create(graph.builder, graph.loc, input.value, table.getCos(), table.getSin(),
                              inverse),
               2 * input.bound, 0);
}

//===-- attention --------------------------------------------------------------------===//

namespace {
struct Attention {
  Term q, k, v;
  double scale;
  bool causal;
  bool seesAll; ///< every query sees a key, so that log_sum_exp is finite
  AttentionOp op;
};
} // namespace

static std::optional<Attention> addAttention(Graph &graph) {
  Attention result;
  result.q = graph.pickFloat(5, 5);
  ArrayRef<int64_t> q = result.q.getShape();
  SmallVector<int64_t> keys = {q[0], graph.random.chance(0.6) ? q[1] : graph.drawSize(), q[2],
                               q[4]};
  if (!Graph::isSmall(keys))
    return std::nullopt;
  auto pickKeys = [&] {
    return graph.random.chance(0.5) ? graph.pickLike(keys) : graph.addArgument(keys);
  };
  result.k = pickKeys();
  result.v = pickKeys();
  result.scale = 0.25;
  if (!isTame(result.q) || !isTame(result.k) || !isTame(result.v))
    return std::nullopt;
  result.causal = graph.random.chance(0.6);
  result.seesAll = !result.causal || keys[1] >= q[1];
  result.op = AttentionOp::create(graph.builder, graph.loc, result.q.value, result.k.value,
                                  result.v.value, result.scale, result.causal);
  return result;
}

static void makeAttention(Graph &graph) {
  std::optional<Attention> attention = addAttention(graph);
  if (!attention)
    return;
  graph.define(attention->op.getOut(), attention->v.bound, 0);
  double scores = attention->scale * attention->q.bound * attention->k.bound * 16 + 8;
  if (attention->seesAll && graph.fits(scores, 0))
    graph.define(attention->op.getLogSumExp(), scores, 0);
}

static void makeAttentionGrad(Graph &graph) {
  std::optional<Attention> attention = addAttention(graph);
  if (!attention)
    return;
  AttentionOp op = attention->op;
  Term cotangent = graph.pickLike(cast<RankedTensorType>(op.getOut().getType()).getShape());
  // Of d_q, d_k, d_v: at most 1024 terms, each a product of four bounded numbers.
  double bound = 4096 * cotangent.bound * std::max(1.0, attention->v.bound) *
                 std::max({1.0, attention->q.bound, attention->k.bound});
  if (!graph.fits(bound, 0))
    return;
  auto grad = AttentionGradOp::create(graph.builder, graph.loc, op.getQ(), op.getK(), op.getV(),
                                      op.getOut(), op.getLogSumExp(), cotangent.value,
                                      op.getScaleAttr(), op.getCausalAttr());
  graph.define(grad.getDQ(), bound, 0);
  graph.define(grad.getDK(), bound, 0);
  graph.define(grad.getDV(), bound, 0);
}

//===-- loss -------------------------------------------------------------------------===//

/// The vocabulary is seldom worth splitting at these sizes, except where a parameter lies so.
static CrossEntropyOp addCrossEntropy(Graph &graph, Term &logits) {
  logits =
      graph.random.chance(0.3) ? graph.addParameter(graph.drawShape(2, 3)) : graph.pickFloat(2, 4);
  if (!isTame(logits))
    return {};
  ArrayRef<int64_t> rows = logits.getShape().drop_back();
  Value targets = graph.pickIds(rows);
  Type type = graph.getType(rows);
  return CrossEntropyOp::create(graph.builder, graph.loc, type, type, logits.value, targets,
                                Value());
}

static void makeCrossEntropy(Graph &graph) {
  Term logits;
  CrossEntropyOp op = addCrossEntropy(graph, logits);
  if (!op)
    return;
  graph.define(op.getTargetLogit(), logits.bound, 0);
  graph.define(op.getLogSumExp(), logits.bound + 8, 0);
}

static void makeCrossEntropyGrad(Graph &graph) {
  Term logits;
  CrossEntropyOp op = addCrossEntropy(graph, logits);
  if (!op)
    return;
  ArrayRef<int64_t> rows = logits.getShape().drop_back();
  Term dTarget = graph.pickLike(rows), dLse = graph.pickLike(rows);
  double bound = dTarget.bound + dLse.bound;
  if (graph.fits(bound, 0))
    graph.define(CrossEntropyGradOp::create(graph.builder, graph.loc, logits.value, op.getTargets(),
                                            op.getLogSumExp(), dTarget.value, dLse.value, Value()),
                 bound, 0);
}

ArrayRef<OpMaker> tpc::fuzz::getTransformerMakers() {
  static const OpMaker makers[] = {
      {"tpc.rms_norm", false, 3, makeRmsNorm},
      {"tpc.rms_norm_grad", false, 2, makeRmsNormGrad},
      {"tpc.layer_norm", false, 2, makeLayerNorm},
      {"tpc.layer_norm_grad", false, 2, makeLayerNormGrad},
      {"tpc.rope", false, 3, makeRope},
      {"tpc.attention", false, 3, makeAttention},
      {"tpc.attention_grad", false, 2, makeAttentionGrad},
      {"tpc.cross_entropy", false, 3, makeCrossEntropy},
      {"tpc.cross_entropy_grad", false, 2, makeCrossEntropyGrad},
  };
  return makers;
}
