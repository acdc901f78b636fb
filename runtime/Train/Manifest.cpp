#include "Train/Manifest.h"

#include <nlohmann/json.hpp>

namespace tpc::runtime {

using Json = nlohmann::ordered_json;

namespace {

Slot parseSlot(const Json &json) {
  return {json.at("space").get<std::string>() == "communication", json.at("offset").get<int64_t>()};
}

int64_t axisNumber(const Mesh &mesh, const std::string &name) {
  for (size_t axis = 0; axis < mesh.axes.size(); ++axis)
    if (mesh.axes[axis].name == name)
      return static_cast<int64_t>(axis);
  throw Error("the program's manifest names the unknown mesh axis '" + name + "'");
}

/// Shapes and dims, checked against each other so that nothing after this can go out of bounds.
Placement parsePlacement(const Json &json, const Mesh &mesh) {
  Placement placement{
      json.at("global_shape").get<Shape>(), json.at("local_shape").get<Shape>(), {}};
  for (const Json &dim : json.at("dims")) {
    placement.dims.emplace_back();
    for (const Json &part : dim)
      placement.dims.back().push_back({axisNumber(mesh, part.at("axis").get<std::string>()),
                                       part.at("pre").get<int64_t>(),
                                       part.at("size").get<int64_t>()});
  }
  size_t rank = placement.globalShape.size();
  bool good = placement.localShape.size() == rank && placement.dims.size() == rank;
  for (size_t d = 0; good && d < rank; ++d) {
    int64_t parts = 1;
    for (const SubAxis &part : placement.dims[d]) {
      good &= part.pre > 0 && part.size > 0 &&
              mesh.axes[static_cast<size_t>(part.axis)].size % (part.pre * part.size) == 0;
      parts *= part.size;
    }
    good &= placement.localShape[d] * parts >= placement.globalShape[d];
  }
  if (!good)
    throw Error("the program's manifest has local shapes that do not fit the global ones");
  return placement;
}

/// State or gradients: split as the parameter is, unless they say otherwise.
std::optional<KeptTensor> parseKept(const Json &parameter, const char *key,
                                    const Placement &placement, const Mesh &mesh) {
  if (!parameter.contains(key))
    return std::nullopt;
  const Json &json = parameter.at(key);
  KeptTensor kept{json.contains("dims") ? parsePlacement(json, mesh) : placement, parseSlot(json)};
  if (kept.placement.globalShape != placement.globalShape)
    throw Error("the program's manifest has a parameter of another shape than its " +
                std::string(key));
  return kept;
}

Parameter parseParameter(const Json &json, const Mesh &mesh) {
  Parameter parameter;
  parameter.name = json.at("name").get<std::string>();
  parameter.shape = json.at("shape").get<Shape>();
  parameter.dtype = parseDtype(json.at("dtype").get<std::string>());
  parameter.placement = parsePlacement(json, mesh);
  parameter.layout = json.value("layout", "");
  parameter.value = parseSlot(json.at("value"));
  parameter.expAvg = parseKept(json, "exp_avg", parameter.placement, mesh);
  parameter.expAvgSq = parseKept(json, "exp_avg_sq", parameter.placement, mesh);
  parameter.gradient = parseKept(json, "gradient", parameter.placement, mesh);
  return parameter;
}

std::vector<Value> parseValues(const Json &json, const Mesh &mesh) {
  std::vector<Value> values;
  for (const Json &value : json)
    values.push_back({value.at("name").get<std::string>(),
                      parseDtype(value.at("dtype").get<std::string>()), parsePlacement(value, mesh),
                      parseSlot(value)});
  return values;
}

void parseArena(const Json &json, Manifest &manifest) {
  manifest.privateBytes = json.at("private").get<int64_t>();
  manifest.communicationBytes = json.at("communication").get<int64_t>();
  manifest.packingBytes = json.at("packing").get<int64_t>();
  manifest.workspaceBytesPerThread = json.at("workspace_per_thread").get<int64_t>();
  for (auto &[category, bytes] : json.at("peak").items())
    manifest.peak.emplace_back(category, bytes.get<int64_t>());
}

int64_t parseHeadLength(const std::string &config) {
  Json json = Json::parse(config, nullptr, false);
  if (!json.is_object() || json.value("num_attention_heads", 0) <= 0)
    return 0;
  if (json.contains("head_dim") && json["head_dim"].is_number())
    return json["head_dim"].get<int64_t>();
  return json.value("hidden_size", 0) / json["num_attention_heads"].get<int64_t>();
}

Manifest parse(const Json &json, const nlohmann::json &unordered) {
  Manifest manifest;
  if (json.at("tpc_manifest").get<int>() != 1)
    throw Error("the program's manifest has another version than this runtime: compile it anew");
  manifest.train = json.at("mode").get<std::string>() == "train";
  manifest.target = json.at("target").at("name").get<std::string>();
  manifest.arch = json.at("target").value("arch", "");
  manifest.bf16 = json.value("precision", "f32") == "bf16";
  manifest.cpu = json.value("cpu", "");
  manifest.cpuFeatures = json.value("cpu_features", std::vector<std::string>());
  manifest.mesh = parseMesh(unordered);
  manifest.batch = json.at("batch").get<int64_t>();
  manifest.sequence = json.at("sequence").get<int64_t>();
  manifest.vocabulary = json.at("vocabulary").get<int64_t>();
  const Json &model = json.at("model");
  manifest.modelConfig = model.is_string() ? model.get<std::string>() : model.dump(2) + "\n";
  manifest.headLength = parseHeadLength(manifest.modelConfig);
  double tokens = static_cast<double>(manifest.batch * manifest.sequence);
  if (json.contains("peak")) {
    manifest.peakFlops = json.at("peak").at("flops").get<double>();
    manifest.peakMachine = json.at("peak").at("machine").get<std::string>();
  }
  manifest.flopsPerStep = json.value("flops_per_step", 0.0);
  if (manifest.flopsPerStep == 0)
    manifest.flopsPerStep = json.value("flops_per_token", 0.0) * tokens;
  parseArena(json.at("arena"), manifest);
  for (const Json &parameter : json.at("parameters"))
    manifest.parameters.push_back(parseParameter(parameter, manifest.mesh));
  for (auto &[name, entry] : json.at("entries").items())
    manifest.entries[name] = {parseValues(entry.at("inputs"), manifest.mesh),
                              parseValues(entry.at("outputs"), manifest.mesh)};
  manifest.collectives = parseCollectives(unordered, static_cast<int>(manifest.mesh.size()));
  return manifest;
}

} // namespace

const Entry &Manifest::entry(const std::string &name) const {
  auto found = entries.find(name);
  if (found == entries.end())
    throw Error("the program has no entry '" + name + "'");
  return found->second;
}

Manifest parseManifest(const std::string &text) {
  try {
    return parse(Json::parse(text), nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception &error) {
    throw Error(std::string("the program's manifest is damaged: ") + error.what());
  }
}

} // namespace tpc::runtime
