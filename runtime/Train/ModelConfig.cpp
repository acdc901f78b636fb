#include "Train/ModelConfig.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace tpc::runtime {
namespace {

using Json = nlohmann::json;
/// Names and values; a name that the text gives in two places is there twice.
using Fields = std::vector<std::pair<std::string, Json>>;

/// null counts as missing.
Json valueOf(const Json &object, const char *name, const Json &standard = nullptr) {
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? standard : *found;
}

/// `model_type`, which older files leave to the name of the class.
Json modelType(const Json &config) {
  Json type = valueOf(config, "model_type"), classes = valueOf(config, "architectures");
  return type.is_null() && classes == Json::array({"LlamaForCausalLM"}) ? Json("llama") : type;
}

Json headSize(const Json &config) {
  Json hidden = valueOf(config, "hidden_size"), heads = valueOf(config, "num_attention_heads");
  bool divisible = hidden.is_number_integer() && heads.is_number_integer() && heads > 0;
  return divisible ? Json(hidden.get<int64_t>() / heads.get<int64_t>()) : Json();
}

void addSizes(const Json &config, Fields &fields) {
  for (const char *name : {"hidden_size", "intermediate_size", "num_hidden_layers",
                           "num_attention_heads", "vocab_size"})
    fields.emplace_back(name, valueOf(config, name));
  Json heads = valueOf(config, "num_attention_heads");
  fields.emplace_back("num_key_value_heads", valueOf(config, "num_key_value_heads", heads));
  fields.emplace_back("head_dim", valueOf(config, "head_dim", headSize(config)));
}

void addFunctions(const Json &config, Fields &fields) {
  for (auto &[name, standard] : Fields{{"hidden_act", "silu"},
                                       {"rms_norm_eps", 1e-6},
                                       {"attention_bias", false},
                                       {"mlp_bias", false},
                                       {"tie_word_embeddings", false},
                                       {"partial_rotary_factor", 1},
                                       {"quantization_config", nullptr}})
    fields.emplace_back(name, valueOf(config, name.c_str(), standard));
}

/// What a rotation of this type depends on.
std::vector<const char *> scalingNames(const Json &type) {
  if (type == "default")
    return {};
  if (type == "linear")
    return {"factor"};
  return {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"};
}

/// `scaling` is `rope_parameters` or `rope_scaling`; an empty object stands for none.
void addRope(const Json &scaling, Fields &fields) {
  Json type = valueOf(scaling, "rope_type", valueOf(scaling, "type", "default"));
  fields.emplace_back("rope_type", type);
  for (const char *name : scalingNames(type))
    fields.emplace_back(name, valueOf(scaling, name));
}

/// Every place that says something about the rotation is looked at, so contradictions show.
void addRopes(const Json &config, Fields &fields) {
  Json theta = valueOf(config, "rope_theta");
  std::vector<Json> scalings;
  for (const char *name : {"rope_parameters", "rope_scaling"})
    if (Json scaling = valueOf(config, name); scaling.is_object())
      scalings.push_back(scaling);
    else if (!scaling.is_null())
      fields.emplace_back(name, scaling);
  if (scalings.empty())
    scalings.push_back(Json::object());
  bool said = !theta.is_null();
  if (said)
    fields.emplace_back("rope_theta", theta);
  for (const Json &scaling : scalings) {
    if (Json inner = valueOf(scaling, "rope_theta"); !inner.is_null())
      fields.emplace_back("rope_theta", inner), said = true;
    addRope(scaling, fields);
  }
  if (!said)
    fields.emplace_back("rope_theta", 10000);
}

Fields effectiveFields(const Json &config) {
  Fields fields = {{"model_type", modelType(config)}};
  addSizes(config, fields);
  addFunctions(config, fields);
  addRopes(config, fields);
  return fields;
}

std::string print(const Json &value) { return value.is_null() ? "missing" : value.dump(); }

} // namespace

std::string configDifference(const std::string &theirText, const std::string &ourText) {
  Json theirs = Json::parse(theirText, nullptr, false), ours = Json::parse(ourText, nullptr, false);
  if (!ours.is_object() || modelType(ours).is_null())
    return "";
  if (!theirs.is_object())
    return "its configuration is no JSON object";
  std::map<std::string, Json> expected;
  for (auto &[name, value] : effectiveFields(ours))
    expected.emplace(name, value);
  for (auto &[name, value] : effectiveFields(theirs))
    if (value != expected[name])
      return name + " is " + print(value) + ", this program has " +
             (expected[name].is_null() ? "none" : expected[name].dump());
  return "";
}

} // namespace tpc::runtime
