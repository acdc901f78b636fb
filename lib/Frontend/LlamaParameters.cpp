//===- LlamaParameters.cpp -----------------------------------------------------===//

#include "LlamaParameters.h"

using namespace mlir;
using namespace tpc;

std::string tpc::getLayerName(int64_t layer) { return "model.layers." + std::to_string(layer); }

namespace {
class ParameterList {
public:
  explicit ParameterList(const LlamaConfig &config) : config(config) {}
  std::vector<Parameter> build();

private:
  using Shape = ArrayRef<int64_t>;
  /// A weight [output..., input...] and, if wanted, a bias [output...].
  void addLinear(const std::string &module, Shape output, Shape input, bool bias);
  void addNorm(const std::string &module);
  void addLayer(const std::string &layer);

  const LlamaConfig &config;
  std::vector<Parameter> parameters;
};
} // namespace

static int64_t getProduct(ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

void ParameterList::addLinear(const std::string &module, Shape output, Shape input, bool bias) {
  SmallVector<int64_t, 4> shape(output);
  llvm::append_range(shape, input);
  int64_t rows = getProduct(output), columns = getProduct(input);
  parameters.push_back(
      {module + ".weight", shape, {rows, columns}, ParameterKind::Linear, columns});
  if (bias)
    parameters.push_back(
        {module + ".bias", SmallVector<int64_t, 4>(output), {rows}, ParameterKind::Bias, columns});
}

void ParameterList::addNorm(const std::string &module) {
  parameters.push_back(
      {module + ".weight", {config.hidden}, {config.hidden}, ParameterKind::Norm, config.hidden});
}

void ParameterList::addLayer(const std::string &layer) {
  int64_t h = config.kvHeads, g = config.getGroup(), d = config.headDim, k = config.hidden,
          f = config.intermediate;
  addLinear(layer + ".self_attn.q_proj", {h, g, d}, {k}, config.attentionBias);
  addLinear(layer + ".self_attn.k_proj", {h, d}, {k}, config.attentionBias);
  addLinear(layer + ".self_attn.v_proj", {h, d}, {k}, config.attentionBias);
  addLinear(layer + ".self_attn.o_proj", {k}, {h, g, d}, config.attentionBias);
  addLinear(layer + ".mlp.gate_proj", {f}, {k}, config.mlpBias);
  addLinear(layer + ".mlp.up_proj", {f}, {k}, config.mlpBias);
  addLinear(layer + ".mlp.down_proj", {k}, {f}, config.mlpBias);
  addNorm(layer + ".input_layernorm");
  addNorm(layer + ".post_attention_layernorm");
}

std::vector<Parameter> ParameterList::build() {
  int64_t v = config.vocabulary, k = config.hidden;
  parameters.push_back({"model.embed_tokens.weight", {v, k}, {v, k}, ParameterKind::Embedding, k});
  for (int64_t layer = 0; layer < config.layers; ++layer)
    addLayer(getLayerName(layer));
  addNorm("model.norm");
  if (!config.tiedEmbeddings)
    addLinear("lm_head", {v}, {k}, /*bias=*/false);
  return std::move(parameters);
}

std::vector<Parameter> tpc::getParameters(const LlamaConfig &config) {
  return ParameterList(config).build();
}
