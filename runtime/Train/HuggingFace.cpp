#include "Train/HuggingFace.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

namespace tpc::runtime {

using Json = nlohmann::json;

namespace {

std::string print(const Shape &shape) {
  std::string text = "[";
  for (size_t d = 0; d < shape.size(); ++d)
    text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + "]";
}

Json parseJsonFile(const std::string &path) {
  std::string text = readTextFile(path);
  try {
    return Json::parse(text);
  } catch (const Json::exception &error) {
    throw Error("cannot read " + path + ": " + error.what());
  }
}

/// What old checkpoints carry beside parameters, and what tied embeddings repeat.
bool mayBeIgnored(const std::string &name) {
  return name.find("rotary_emb.inv_freq") != std::string::npos || name == "lm_head.weight";
}

} // namespace

std::string canonicalName(const std::string &name) {
  std::string rest = name;
  for (const char *prefix : {"base_model.", "model."})
    if (rest.rfind(prefix, 0) == 0)
      rest = rest.substr(std::string(prefix).size());
  return rest;
}

std::string configDifference(const std::string &theirText, const std::string &ourText) {
  Json theirs = Json::parse(theirText, nullptr, false), ours = Json::parse(ourText, nullptr, false);
  if (!ours.is_object() || !theirs.is_object())
    return "";
  for (const char *key :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "vocab_size", "hidden_act", "rms_norm_eps", "rope_theta",
        "rope_scaling", "rope_parameters", "attention_bias", "mlp_bias", "tie_word_embeddings"})
    if (ours.contains(key) && theirs.contains(key) && !theirs[key].is_null() &&
        !ours[key].is_null() && ours[key] != theirs[key])
      return std::string(key) + " is " + theirs[key].dump() + ", this program has " +
             ours[key].dump();
  return "";
}

HuggingFaceFolder::HuggingFaceFolder(const std::string &path) : folder(path) {
  std::string single = path + "/model.safetensors", index = single + ".index.json";
  if (!std::filesystem::is_directory(path))
    throw Error("cannot load " + path + ": no such folder");
  if (std::filesystem::exists(index))
    addShards(index);
  else if (std::filesystem::exists(single))
    add(single);
  else
    throw Error(
        "cannot load " + path +
        ": it has neither model.safetensors nor model.safetensors.index.json nor a checkpoint");
}

void HuggingFaceFolder::add(const std::string &file) {
  files.push_back(std::make_unique<SafetensorsFile>(file));
  for (auto &[name, tensor] : files.back()->tensors())
    if (!byName.emplace(canonicalName(name), &tensor).second)
      throw Error("cannot load " + folder + ": tensor '" + name + "' occurs twice");
}

void HuggingFaceFolder::addShards(const std::string &index) {
  Json json = parseJsonFile(index);
  std::map<std::string, std::string> places;
  try {
    places = json.at("weight_map").get<std::map<std::string, std::string>>();
  } catch (const Json::exception &error) {
    throw Error("cannot read " + index + ": " + error.what());
  }
  std::set<std::string> shards;
  for (auto &[name, shard] : places)
    shards.insert(shard);
  for (const std::string &shard : shards)
    if (shard.find('/') != std::string::npos)
      throw Error("cannot read " + index + ": '" + shard + "' is no plain file name");
    else
      add(folder + "/" + shard);
  for (auto &[name, shard] : places)
    if (!byName.count(canonicalName(name)))
      throw Error("cannot load " + folder + ": " + shard + " lacks '" + name +
                  "', which the index places there");
}

const StoredTensor *HuggingFaceFolder::find(const std::string &name) const {
  auto found = byName.find(canonicalName(name));
  return found == byName.end() ? nullptr : found->second;
}

void HuggingFaceFolder::checkConfig(const Manifest &manifest) const {
  std::string path = folder + "/config.json";
  if (!std::filesystem::exists(path))
    return;
  std::string difference = configDifference(parseJsonFile(path).dump(), manifest.modelConfig);
  if (!difference.empty())
    throw Error(path + " is of another model: " + difference);
}

void HuggingFaceFolder::check(const Manifest &manifest) const {
  std::set<std::string> known;
  for (const Parameter &parameter : manifest.parameters) {
    known.insert(canonicalName(parameter.name));
    const StoredTensor *tensor = find(parameter.name);
    if (!tensor)
      throw Error(folder + " has no parameter " + parameter.name);
    if (tensor->shape != parameter.shape)
      throw Error(folder + " is of another model: " + parameter.name + " is " +
                  print(tensor->shape) + ", this program has " + print(parameter.shape));
  }
  for (auto &[name, tensor] : byName)
    if (!known.count(name) && !mayBeIgnored(name))
      throw Error(folder + " is of another model: this program has no parameter " + tensor->name);
  checkConfig(manifest);
}

void loadHuggingFace(const std::string &path, Program &program) {
  HuggingFaceFolder folder(path);
  folder.check(program.manifest());
  for (const Parameter &parameter : program.manifest().parameters) {
    const StoredTensor *tensor = folder.find(parameter.name);
    if (parameter.dtype != TPC_F32)
      throw Error("parameter " + parameter.name + " is " + toString(parameter.dtype) +
                  ", weights are loaded as f32");
    const Placement &placement = parameter.placement;
    HostBytes part = program.prepare(parameter.value, placement, parameter.dtype);
    auto *out = reinterpret_cast<float *>(part.data());
    std::fill(out, out + elementsOf(placement.localShape), 0.0f); // the padding's value
    forEachRun(placement.globalShape, program.boxOf(placement), placement.localShape,
               [&](int64_t global, int64_t local, int64_t length) {
                 readElements(*tensor, global, length, out + local);
               });
    part.store();
  }
}

} // namespace tpc::runtime
