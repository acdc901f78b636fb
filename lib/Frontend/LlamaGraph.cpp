//===- LlamaGraph.cpp - the ops of a Llama -------------------------------------===//
//
// Letters: b batch, s positions, k hidden, h key/value heads, g query heads per key/value head, d
// head dimension, f intermediate, v vocabulary; n is the hidden size where k is taken.
//
//===----------------------------------------------------------------------===//

#include "LlamaGraph.h"
#include "LlamaParameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

static constexpr int64_t kPlain[] = {1, 1, 1};      ///< [b, s, k]
static constexpr int64_t kQueries[] = {1, 1, 3};    ///< [b, s, (h, g, d)]
static constexpr int64_t kKeysValues[] = {1, 1, 2}; ///< [b, s, (h, d)]
static constexpr int64_t kTokens[] = {1, 1};        ///< [b, s]

//===-- layers -----------------------------------------------------------------===//

Value LlamaGraph::rotate(Value x) { return RopeOp::create(modules.builder, x, cos, sin); }

Value LlamaGraph::buildAttention(Value x, const std::string &name) {
  x = modules.enter(x, name, ModuleKind::Container, kPlain);
  Value q = modules.linear(x, name + ".q_proj", "bsk,hgdk->bshgd", kPlain, kQueries);
  Value k = modules.linear(x, name + ".k_proj", "bsk,hdk->bshd", kPlain, kKeysValues);
  Value v = modules.linear(x, name + ".v_proj", "bsk,hdk->bshd", kPlain, kKeysValues);
  modules.builder.setLoc(NameLoc::get(modules.builder.getStringAttr(name)));
  double scale = 1.0 / std::sqrt(static_cast<double>(config.headDim));
  q = rotate(q);
  k = rotate(k);
  auto attention = AttentionOp::create(modules.builder, q, k, v, scale, /*causal=*/true);
  Value y =
      modules.linear(attention.getOut(), name + ".o_proj", "bshgd,nhgd->bsn", kQueries, kPlain);
  return modules.leave(y, name, ModuleKind::Container, kPlain);
}

Value LlamaGraph::buildMlp(Value x, const std::string &name) {
  x = modules.enter(x, name, ModuleKind::Container, kPlain);
  Value gate = modules.linear(x, name + ".gate_proj", "bsk,fk->bsf", kPlain, kPlain);
  Value up = modules.linear(x, name + ".up_proj", "bsk,fk->bsf", kPlain, kPlain);
  modules.builder.setLoc(NameLoc::get(modules.builder.getStringAttr(name)));
  Value active =
      arith::MulFOp::create(modules.builder, modules.silu(modules.widen(gate)), modules.widen(up));
  Value y =
      modules.linear(modules.narrow(active), name + ".down_proj", "bsf,kf->bsk", kPlain, kPlain);
  return modules.leave(y, name, ModuleKind::Container, kPlain);
}

Value LlamaGraph::buildLayer(Value x, const std::string &name) {
  x = modules.enter(x, name, ModuleKind::Container, kPlain);
  Value normal = modules.rmsNorm(x, name + ".input_layernorm", config.rmsNormEps);
  Value attended = buildAttention(normal, name + ".self_attn");
  modules.builder.setLoc(NameLoc::get(modules.builder.getStringAttr(name)));
  x = arith::AddFOp::create(modules.builder, x, attended);
  normal = modules.rmsNorm(x, name + ".post_attention_layernorm", config.rmsNormEps);
  Value transformed = buildMlp(normal, name + ".mlp");
  modules.builder.setLoc(NameLoc::get(modules.builder.getStringAttr(name)));
  x = arith::AddFOp::create(modules.builder, x, transformed);
  return modules.leave(x, name, ModuleKind::Container, kPlain);
}

//===-- the whole --------------------------------------------------------------===//

void LlamaGraph::buildRopeTables(int64_t sequence) {
  ImplicitLocOpBuilder &builder = modules.builder;
  builder.setLoc(NameLoc::get(builder.getStringAttr("model.rotary_emb")));
  auto type = RankedTensorType::get({sequence, config.headDim / 2}, modules.element);
  auto frequencies = builder.getDenseF64ArrayAttr(getRopeFrequencies(config.rope, config.headDim));
  auto tables =
      RopeTableOp::create(builder, type, type, frequencies, builder.getF64FloatAttr(1.0), Value());
  cos = tables.getCos();
  sin = tables.getSin();
}

Value LlamaGraph::buildEmbedding(Value tokens) {
  StringRef name = "model.embed_tokens";
  Value ids = modules.enter(tokens, name, ModuleKind::Embedding, kTokens);
  SmallVector<int64_t> shape(cast<RankedTensorType>(tokens.getType()).getShape());
  shape.push_back(config.hidden);
  auto type = RankedTensorType::get(shape, modules.compute);
  Value x = EmbeddingOp::create(modules.builder, type, ids,
                                modules.useNarrow("model.embed_tokens.weight"), Value());
  return modules.leave(x, name, ModuleKind::Embedding, kPlain);
}

Value LlamaGraph::buildLogits(Value tokens) {
  Value ids = modules.enter(tokens, "model", ModuleKind::Container, kTokens);
  buildRopeTables(cast<RankedTensorType>(tokens.getType()).getDimSize(1));
  Value x = buildEmbedding(ids);
  for (int64_t layer = 0; layer < config.layers; ++layer)
    x = buildLayer(x, getLayerName(layer));
  x = modules.rmsNorm(x, "model.norm", config.rmsNormEps);
  x = modules.leave(x, "model", ModuleKind::Container, kPlain);
  return modules.linear(x, "lm_head", "bsk,vk->bsv", kPlain, kPlain,
                        config.tiedEmbeddings ? "model.embed_tokens.weight" : "");
}

std::pair<Value, Value> LlamaGraph::buildLoss(Value logits, Value targets, Value ignoreIndex) {
  ImplicitLocOpBuilder &builder = modules.builder;
  builder.setLoc(NameLoc::get(builder.getStringAttr("loss")));
  ArrayRef<int64_t> shape = cast<RankedTensorType>(targets.getType()).getShape();
  auto rows = RankedTensorType::get(shape, modules.element);
  auto terms = CrossEntropyOp::create(builder, rows, rows, logits, targets, Value());
  Value loss = arith::SubFOp::create(builder, terms.getLogSumExp(), terms.getTargetLogit());
  Value ignored = modules.broadcast(ignoreIndex, shape, {});
  Value valid = arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, targets, ignored);
  Value selected = arith::SelectOp::create(builder, valid, loss, modules.splat(shape, 0.0));
  Value total = modules.sum(selected, {0, 1});
  Value count = modules.sum(arith::UIToFPOp::create(builder, rows, valid), {0, 1});
  Value divisor = arith::MaximumFOp::create(builder, count, modules.splat({}, 1.0));
  return {arith::DivFOp::create(builder, total, divisor), count};
}
