#include "Train/HuggingFace.h"
#include "Train/ModelConfig.h"

#include <algorithm>
#include <cstring>
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

bool sameContents(const StoredTensor &one, const StoredTensor &other) {
  return one.dtype == other.dtype && one.shape == other.shape &&
         std::memcmp(one.data, other.data, one.bytes) == 0;
}

} // namespace

std::string canonicalName(const std::string &name) {
  std::string rest = name;
  for (const char *prefix : {"base_model.", "model."})
    if (rest.rfind(prefix, 0) == 0)
      rest = rest.substr(std::string(prefix).size());
  return rest;
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

/// Beside parameters old folders carry the rotation's frequencies, and some repeat the table of
/// tied embeddings.
bool HuggingFaceFolder::mayBeIgnored(const std::string &name, const StoredTensor &tensor) const {
  if (name.find("rotary_emb.inv_freq") != std::string::npos)
    return true;
  const StoredTensor *table = find("embed_tokens.weight");
  return name == "lm_head.weight" && table && sameContents(tensor, *table);
}

void HuggingFaceFolder::checkConfig(const Manifest &manifest) const {
  std::string path = folder + "/config.json";
  bool nothingToCompare = configDifference("{}", manifest.modelConfig).empty();
  if (nothingToCompare && !std::filesystem::exists(path))
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
    if (!known.count(name) && !mayBeIgnored(name, *tensor))
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
