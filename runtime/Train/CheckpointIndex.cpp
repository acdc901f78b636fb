#include "Train/CheckpointIndex.h"
#include "IO/MappedFile.h"
#include "Train/ModelConfig.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace tpc::runtime {

using Json = nlohmann::ordered_json;

std::vector<StateTensor> stateTensors(const Manifest &manifest) {
  std::vector<StateTensor> tensors;
  for (const Parameter &parameter : manifest.parameters) {
    tensors.push_back({parameter.name, &parameter, {parameter.placement, parameter.value}, false});
    if (parameter.expAvg)
      tensors.push_back({parameter.name + ".exp_avg", &parameter, *parameter.expAvg, true});
    if (parameter.expAvgSq)
      tensors.push_back({parameter.name + ".exp_avg_sq", &parameter, *parameter.expAvgSq, true});
  }
  return tensors;
}

/// The parts that ranks write, each box once, and no empty one.
static Json printParts(const Placement &placement, const Mesh &mesh,
                       const std::function<std::string(int64_t rank)> &fileOf) {
  Json parts = Json::array();
  for (int64_t rank = 0; rank < mesh.size(); ++rank)
    if (Box box = boxOf(placement, mesh, rank);
        !box.empty() && writerOf(placement, mesh, rank) == rank)
      parts.push_back({{"file", fileOf(rank)}, {"offsets", box.offsets}, {"sizes", box.sizes}});
  return parts;
}

std::string printIndex(const Manifest &manifest, const Progress &progress,
                       const std::function<std::string(int64_t rank)> &fileOf) {
  Json index = {{"tpc_checkpoint", 1},
                {"step", progress.step},
                {"seed", progress.seed},
                {"next_sequence", progress.step * manifest.batch},
                {"data", progress.data},
                {"mesh", manifest.mesh.toString()},
                {"model", Json::parse(manifest.modelConfig, nullptr, false)},
                {"parameters", Json::array()}};
  for (const Parameter &parameter : manifest.parameters) {
    Json entry = {{"name", parameter.name},
                  {"shape", parameter.shape},
                  {"global_shape", parameter.placement.globalShape},
                  {"parts", printParts(parameter.placement, manifest.mesh, fileOf)}};
    if (parameter.expAvg)
      entry["state_parts"] = printParts(parameter.expAvg->placement, manifest.mesh, fileOf);
    index["parameters"].push_back(entry);
  }
  return index.dump(1) + "\n";
}

namespace {

StoredPart parsePart(const Json &json, const Shape &globalShape, const std::string &path) {
  StoredPart part{json.at("file").get<std::string>(),
                  {json.at("offsets").get<Shape>(), json.at("sizes").get<Shape>()}};
  bool good = part.box.offsets.size() == globalShape.size() &&
              part.box.sizes.size() == globalShape.size() &&
              part.file.find('/') == std::string::npos;
  for (size_t d = 0; good && d < globalShape.size(); ++d)
    good = part.box.offsets[d] >= 0 && part.box.sizes[d] > 0 &&
           part.box.offsets[d] <= globalShape[d] - part.box.sizes[d];
  if (!good)
    throw Error("checkpoint index " + path + " has a part outside its tensor");
  return part;
}

/// A step whose sequences can be counted.
int64_t parseStep(const Json &json, int64_t batch, const std::string &path) {
  const Json &step = json.at("step");
  if (!step.is_number_integer() || step < 0 ||
      step > std::numeric_limits<int64_t>::max() / 4 / batch)
    throw Error("checkpoint index " + path + " is damaged: its step is " + step.dump());
  return step.get<int64_t>();
}

int64_t parseSeed(const Json &json, const std::string &path) {
  const Json &seed = json.at("seed");
  if (!seed.is_number_integer())
    throw Error("checkpoint index " + path + " is damaged: its seed is " + seed.dump());
  return seed.get<int64_t>();
}

CheckpointIndex parseIndex(const Json &json, const Manifest &manifest, const std::string &path) {
  CheckpointIndex index;
  if (json.at("tpc_checkpoint") != 1)
    throw Error("checkpoint index " + path + " has a version that this program does not know");
  index.progress = {parseStep(json, manifest.batch, path), parseSeed(json, path),
                    json.value("data", "")};
  for (const Json &parameter : json.at("parameters")) {
    auto name = parameter.at("name").get<std::string>();
    auto globalShape = parameter.at("global_shape").get<Shape>();
    auto parse = [&](const char *key, const std::string &tensor) {
      for (const Json &part : parameter.at(parameter.contains(key) ? key : "parts"))
        index.parts[tensor].push_back(parsePart(part, globalShape, path));
    };
    parse("parts", name);
    parse("state_parts", name + ".exp_avg");
    parse("state_parts", name + ".exp_avg_sq");
  }
  return index;
}

/// Same names, same shapes, same configuration.
void checkModel(const Json &json, const Manifest &manifest, const std::string &path) {
  auto differs = [&](const std::string &how) {
    throw Error("checkpoint " + path + " is of another model: " + how);
  };
  std::map<std::string, Shape> shapes;
  for (const Json &parameter : json.at("parameters"))
    shapes[parameter.at("name").get<std::string>()] = parameter.at("global_shape").get<Shape>();
  for (const Parameter &parameter : manifest.parameters) {
    auto found = shapes.find(parameter.name);
    if (found == shapes.end())
      differs("it has no parameter " + parameter.name);
    if (found->second != parameter.placement.globalShape)
      differs("its " + parameter.name + " has another shape");
    shapes.erase(found);
  }
  if (!shapes.empty())
    differs("this program has no parameter " + shapes.begin()->first);
  std::string difference = configDifference(json.at("model").dump(), manifest.modelConfig);
  if (!difference.empty())
    differs(difference);
}

} // namespace

CheckpointIndex readIndex(const std::string &path, const Manifest &manifest) {
  std::string text = readTextFile(path);
  try {
    Json json = Json::parse(text);
    CheckpointIndex index = parseIndex(json, manifest, path);
    checkModel(json, manifest, path);
    return index;
  } catch (const nlohmann::json::exception &error) {
    throw Error("checkpoint index " + path + " is damaged: " + error.what());
  }
}

} // namespace tpc::runtime
