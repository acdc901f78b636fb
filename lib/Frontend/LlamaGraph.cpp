//===- LlamaGraph.cpp - the global program of a Llama --------------------------===//
//
// Letters: b batch, s positions, k hidden, h key/value heads, g query heads per key/value head, d head dimension,
// f intermediate, v vocabulary; n is the hidden size where k is taken.
//
//===----------------------------------------------------------------------===//

#include "LlamaParameters.h"
#include "ModuleBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Frontend/Import.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

namespace {
class LlamaGraph {
public:
  LlamaGraph(const LlamaConfig &config, ModuleBuilder &modules) : config(config), modules(modules) {}

  /// Logits [b, s, v] of tokens [b, s].
  Value buildLogits(Value tokens);
  /// The mean loss over valid targets, and how many there are.
  std::pair<Value, Value> buildLoss(Value logits, Value targets, Value ignoreIndex);

private:
  Value buildEmbedding(Value tokens);
  void buildRopeTables(int64_t sequence);
  Value buildLayer(Value x, const std::string &name);
  Value buildAttention(Value x, const std::string &name);
  Value buildMlp(Value x, const std::string &name);
  Value rotate(Value x) { return RopeOp::create(modules.builder, x, cos, sin); }

  const LlamaConfig &config;
  ModuleBuilder &modules;
  Value cos, sin;
};
} // namespace

static constexpr int64_t kPlain[] = {1, 1, 1};      ///< [b, s, k]
static constexpr int64_t kQueries[] = {1, 1, 3};    ///< [b, s, (h, g, d)]
static constexpr int64_t kKeysValues[] = {1, 1, 2}; ///< [b, s, (h, d)]
static constexpr int64_t kTokens[] = {1, 1};        ///< [b, s]

//===-- layers -----------------------------------------------------------------===//

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
  Value y = modules.linear(attention.getOut(), name + ".o_proj", "bshgd,nhgd->bsn", kQueries, kPlain);
  return modules.leave(y, name, ModuleKind::Container, kPlain);
}

Value LlamaGraph::buildMlp(Value x, const std::string &name) {
  x = modules.enter(x, name, ModuleKind::Container, kPlain);
  Value gate = modules.linear(x, name + ".gate_proj", "bsk,fk->bsf", kPlain, kPlain);
  Value up = modules.linear(x, name + ".up_proj", "bsk,fk->bsf", kPlain, kPlain);
  modules.builder.setLoc(NameLoc::get(modules.builder.getStringAttr(name)));
  Value active = arith::MulFOp::create(modules.builder, modules.silu(gate), up);
  Value y = modules.linear(active, name + ".down_proj", "bsf,kf->bsk", kPlain, kPlain);
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
  auto tables = RopeTableOp::create(builder, type, type, frequencies, builder.getF64FloatAttr(1.0), Value());
  cos = tables.getCos();
  sin = tables.getSin();
}

Value LlamaGraph::buildEmbedding(Value tokens) {
  StringRef name = "model.embed_tokens";
  Value ids = modules.enter(tokens, name, ModuleKind::Embedding, kTokens);
  SmallVector<int64_t> shape(cast<RankedTensorType>(tokens.getType()).getShape());
  shape.push_back(config.hidden);
  auto type = RankedTensorType::get(shape, modules.element);
  Value x = EmbeddingOp::create(modules.builder, type, ids, modules.use("model.embed_tokens.weight"), Value());
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

//===-- functions --------------------------------------------------------------===//

namespace {
/// Makes the function of one mode: arguments, attributes, body.
class ProgramBuilder {
public:
  ProgramBuilder(const LlamaConfig &config, const ImportOptions &options, ModuleOp module)
      : config(config), options(options), builder(module.getBodyRegion()), parameters(getParameters(config)) {
    builder.setInsertionPointToEnd(module.getBody());
    element = options.float64 ? Type(builder.getF64Type()) : Type(builder.getF32Type());
  }
  void build();

private:
  void addInput(StringRef name, ArrayRef<int64_t> shape);
  void addParameter(const Parameter &parameter);
  DictionaryAttr getAttrs(StringRef name, Attribute value) {
    return builder.getDictionaryAttr(builder.getNamedAttr(name, value));
  }

  const LlamaConfig &config;
  const ImportOptions &options;
  OpBuilder builder;
  std::vector<Parameter> parameters;
  Type element;
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
};
} // namespace

void ProgramBuilder::addInput(StringRef name, ArrayRef<int64_t> shape) {
  types.push_back(RankedTensorType::get(shape, builder.getI32Type()));
  attributes.push_back(getAttrs(TPCDialect::kInput, builder.getStringAttr(name)));
}

void ProgramBuilder::addParameter(const Parameter &parameter) {
  types.push_back(RankedTensorType::get(parameter.shape, element));
  auto attribute = ParamAttr::get(builder.getContext(), parameter.name, parameter.hfShape, parameter.kind,
                                  parameter.fanIn);
  attributes.push_back(getAttrs(TPCDialect::kParam, attribute));
}

void ProgramBuilder::build() {
  bool train = options.mode == Mode::Train;
  addInput("tokens", {options.batch, options.sequence});
  if (train) {
    addInput("targets", {options.batch, options.sequence});
    addInput("ignore_index", {});
  }
  unsigned inputs = types.size();
  for (const Parameter &parameter : parameters)
    addParameter(parameter);
  Location loc = NameLoc::get(builder.getStringAttr(train ? "loss" : "forward"));
  auto function = func::FuncOp::create(builder, loc, train ? "loss" : "forward", builder.getFunctionType(types, {}));
  function.setAllArgAttrs(attributes);
  Block *body = function.addEntryBlock();

  ModuleBuilder modules(OpBuilder::atBlockEnd(body), element);
  for (auto [number, parameter] : llvm::enumerate(parameters))
    modules.setParameter(parameter.name, body->getArgument(inputs + number));
  LlamaGraph graph(config, modules);
  SmallVector<Value> results = {graph.buildLogits(body->getArgument(0))};
  SmallVector<DictionaryAttr> names = {getAttrs(TPCDialect::kOutput, builder.getStringAttr("logits"))};
  if (train) {
    auto [loss, count] = graph.buildLoss(results[0], body->getArgument(1), body->getArgument(2));
    results = {loss, count};
    names = {getAttrs(TPCDialect::kOutput, builder.getStringAttr("loss")),
             getAttrs(TPCDialect::kOutput, builder.getStringAttr("tokens"))};
  }
  func::ReturnOp::create(modules.builder, results);
  function.setType(builder.getFunctionType(types, ValueRange(results).getTypes()));
  function.setAllResultAttrs(names);
}

static LogicalResult checkOptions(const LlamaConfig &config, const ImportOptions &options, Location loc) {
  if (options.batch < 1 || options.sequence < 1)
    return emitError(loc) << "batch and sequence should be positive, got " << options.batch << " and "
                          << options.sequence;
  if (config.maxPositions && options.sequence > config.maxPositions)
    return emitError(loc) << "a sequence of " << options.sequence << " exceeds the model's max_position_embeddings, "
                          << config.maxPositions;
  return success();
}

/// What later stages and the manifest need to know of the model.
static DictionaryAttr getModelAttr(const LlamaConfig &config, const ImportOptions &options, Builder builder) {
  return builder.getDictionaryAttr({
      builder.getNamedAttr("batch", builder.getI64IntegerAttr(options.batch)),
      builder.getNamedAttr("config", builder.getStringAttr(config.text)),
      builder.getNamedAttr("initializer_range", builder.getF64FloatAttr(config.initializerRange)),
      builder.getNamedAttr("mode", builder.getStringAttr(options.mode == Mode::Train ? "train" : "forward")),
      builder.getNamedAttr("sequence", builder.getI64IntegerAttr(options.sequence)),
      builder.getNamedAttr("vocabulary", builder.getI64IntegerAttr(config.vocabulary)),
  });
}

OwningOpRef<ModuleOp> tpc::importLlama(const LlamaConfig &config, const ImportOptions &options,
                                       MLIRContext *context) {
  Location loc = FileLineColLoc::get(context, config.path, 1, 1);
  if (failed(checkOptions(config, options, loc)))
    return {};
  context->loadDialect<TPCDialect, arith::ArithDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  (*module)->setAttr(TPCDialect::kModel, getModelAttr(config, options, Builder(context)));
  auto builder = OpBuilder::atBlockBegin(module->getBody());
  MeshOp::create(builder, NameLoc::get(builder.getStringAttr("--mesh")), "mesh", MeshAttr::get(context, options.mesh));
  ProgramBuilder(config, options, *module).build();
  return module;
}
