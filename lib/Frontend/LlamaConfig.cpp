//===- LlamaConfig.cpp - reads and checks a Llama's config.json ----------------===//

#include "tpc/Frontend/LlamaConfig.h"
#include "ConfigReader.h"
#include "JsonText.h"

using namespace mlir;
using namespace tpc;

//===-- which model ------------------------------------------------------------===//

/// `model_type` and `architectures` must not name anything but a causal Llama; one of them must be
/// there.
static void checkArchitecture(ConfigReader &reader) {
  StringRef type = reader.getString("model_type");
  if (!type.empty() && type != "llama")
    reader.error("model_type") << "model_type '" << type << "' is not supported, only 'llama' is";
  const llvm::json::Value *value = reader.get("architectures");
  if (!value && type.empty() && !reader.failed())
    reader.error("model_type") << "field 'model_type' is missing";
  if (!value)
    return;
  const llvm::json::Array *names = value->getAsArray();
  std::optional<StringRef> name =
      names && names->size() == 1 ? names->front().getAsString() : std::nullopt;
  if (!name)
    reader.error("architectures") << "field 'architectures' should be a list of one name";
  else if (*name != "LlamaForCausalLM")
    reader.error("architectures") << "architecture '" << *name
                                  << "' is not supported, only 'LlamaForCausalLM' is";
}

/// Fields that change what the model computes and have one supported value.
static void checkUnsupported(ConfigReader &reader) {
  StringRef activation = reader.getString("hidden_act");
  if (!activation.empty() && activation != "silu")
    reader.error("hidden_act") << "hidden_act '" << activation
                               << "' is not supported, only 'silu' is";
  for (StringRef field : {"attention_dropout", "partial_rotary_factor"}) {
    const llvm::json::Value *value = reader.get(field);
    double only = field == "attention_dropout" ? 0.0 : 1.0;
    if (value && value->getAsNumber() != only)
      reader.error(field) << "field '" << field << "' is supported only as "
                          << llvm::formatv("{0:f1}", only).str();
  }
  if (reader.get("quantization_config"))
    reader.error("quantization_config") << "quantized models are not supported";
}

//===-- rotary position embedding ----------------------------------------------===//

/// The newer spelling is `rope_type`, the older `type`.
static std::optional<RopeType> readRopeType(ConfigReader &reader) {
  StringRef newer = reader.getString("rope_type"), older = reader.getString("type");
  if (!newer.empty() && !older.empty() && newer != older) {
    reader.error("rope_type") << "rope_type '" << newer << "' contradicts type '" << older << "'";
    return std::nullopt;
  }
  StringRef name = newer.empty() ? older : newer;
  auto type = llvm::StringSwitch<std::optional<RopeType>>(name)
                  .Cases({"", "default"}, RopeType::Default)
                  .Case("linear", RopeType::Linear)
                  .Case("llama3", RopeType::Llama3)
                  .Default(std::nullopt);
  if (!type)
    reader.error(newer.empty() ? "type" : "rope_type")
        << "rope type '" << name << "' is not supported, only 'default', 'linear' and 'llama3' are";
  return type;
}

static void readRopeScaling(ConfigReader &reader, RopeConfig &rope) {
  std::optional<RopeType> type = readRopeType(reader);
  if (!type)
    return;
  rope.type = *type;
  if (rope.type != RopeType::Default)
    rope.factor = reader.getPositive("factor");
  if (rope.type != RopeType::Llama3)
    return;
  rope.lowFrequencyFactor = reader.getPositive("low_freq_factor");
  rope.highFrequencyFactor = reader.getPositive("high_freq_factor");
  rope.originalLength = reader.getPositive("original_max_position_embeddings");
  if (rope.highFrequencyFactor <= rope.lowFrequencyFactor)
    reader.error("high_freq_factor")
        << "high_freq_factor should be greater than low_freq_factor, got "
        << rope.highFrequencyFactor << " and " << rope.lowFrequencyFactor;
}

/// Either `rope_theta` and `rope_scaling` (older) or `rope_parameters` (newer), which holds both.
static RopeConfig readRope(ConfigReader &reader) {
  RopeConfig rope;
  rope.theta = reader.getPositive("rope_theta", rope.theta);
  const llvm::json::Object *older = reader.getObject("rope_scaling");
  const llvm::json::Object *newer = reader.getObject("rope_parameters");
  if (older && newer && *older != *newer)
    reader.error("rope_scaling") << "rope_scaling contradicts rope_parameters: give one of them";
  const llvm::json::Object *scaling = newer ? newer : older;
  if (!scaling)
    return rope;
  ConfigReader inner = reader.nested(*scaling);
  double theta = inner.getPositive("rope_theta", rope.theta);
  if (reader.get("rope_theta") && theta != rope.theta)
    reader.error("rope_theta") << "rope_theta " << rope.theta << " contradicts rope_theta " << theta
                               << " of " << (newer ? "rope_parameters" : "rope_scaling");
  rope.theta = theta;
  readRopeScaling(inner, rope);
  reader.absorb(inner);
  return rope;
}

//===-- sizes ------------------------------------------------------------------===//

static void readSizes(ConfigReader &reader, LlamaConfig &config) {
  config.vocabulary = reader.getCount("vocab_size");
  config.hidden = reader.getCount("hidden_size");
  config.intermediate = reader.getCount("intermediate_size");
  config.layers = reader.getCount("num_hidden_layers");
  config.heads = reader.getCount("num_attention_heads");
  config.kvHeads = reader.getCount("num_key_value_heads", config.heads);
  config.headDim = reader.getCount("head_dim", std::max<int64_t>(config.hidden / config.heads, 1));
  if (reader.get("max_position_embeddings"))
    config.maxPositions = reader.getCount("max_position_embeddings");
}

/// Far beyond any model, and near enough that no product of two sizes overflows.
static void checkLimits(ConfigReader &reader, const LlamaConfig &config) {
  const std::tuple<StringRef, int64_t, int64_t> limits[] = {
      {"vocab_size", config.vocabulary, 1 << 28},
      {"hidden_size", config.hidden, 1 << 24},
      {"intermediate_size", config.intermediate, 1 << 26},
      {"num_hidden_layers", config.layers, 1 << 14},
      {"num_attention_heads", config.heads, 1 << 16},
      {"head_dim", config.headDim, 1 << 14}};
  for (auto [field, value, most] : limits)
    if (value > most)
      reader.error(field) << "field '" << field << "' should be at most " << most << ", got "
                          << value;
}

static void checkSizes(ConfigReader &reader, const LlamaConfig &config) {
  checkLimits(reader, config);
  if (config.heads % config.kvHeads != 0)
    reader.error("num_key_value_heads")
        << "num_attention_heads should be a multiple of num_key_value_heads, got " << config.heads
        << " and " << config.kvHeads;
  if (!reader.get("head_dim") && config.hidden % config.heads != 0)
    reader.error("hidden_size")
        << "without head_dim, hidden_size should be a multiple of num_attention_heads, got "
        << config.hidden << " and " << config.heads;
  else if (config.headDim % 2 != 0)
    reader.error("head_dim") << "rotary position embedding needs an even head_dim, got "
                             << config.headDim;
}

FailureOr<LlamaConfig> tpc::parseLlamaConfig(StringRef text, StringRef path, MLIRContext *context) {
  FailureOr<llvm::json::Value> parsed = parseJson(text, path, context);
  if (failed(parsed))
    return failure();
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return emitError(FileLineColLoc::get(context, path, 1, 1))
           << "a model's configuration should be a JSON object";
  ConfigReader reader(*object, text, path, context);
  checkArchitecture(reader);
  if (reader.failed())
    return failure();
  LlamaConfig config;
  config.path = path.str();
  config.text = text.str();
  readSizes(reader, config);
  config.rmsNormEps = reader.getPositive("rms_norm_eps", config.rmsNormEps);
  config.initializerRange = reader.getPositive("initializer_range", config.initializerRange);
  config.attentionBias = reader.getBool("attention_bias", false);
  config.mlpBias = reader.getBool("mlp_bias", false);
  config.tiedEmbeddings = reader.getBool("tie_word_embeddings", false);
  config.rope = readRope(reader);
  checkUnsupported(reader);
  if (!reader.failed())
    checkSizes(reader, config);
  return reader.failed() ? FailureOr<LlamaConfig>(failure()) : config;
}
