#include "tpc/runtime/Context.h"
#include <nlohmann/json.hpp>
#include <set>

namespace tpc::runtime {

int64_t Mesh::size() const {
  int64_t product = 1;
  for (const Axis &axis : axes)
    product *= axis.size;
  return product;
}

std::vector<int64_t> Mesh::coordinates(int64_t rank) const {
  std::vector<int64_t> result(axes.size());
  for (size_t i = axes.size(); i-- > 0;) {
    result[i] = rank % axes[i].size;
    rank /= axes[i].size;
  }
  return result;
}

std::string Mesh::toString() const {
  std::string text;
  for (const Axis &axis : axes)
    text += (text.empty() ? "" : ",") + axis.name + "=" + std::to_string(axis.size);
  return text;
}

Mesh parseMesh(const nlohmann::json &manifest) try {
  Mesh mesh;
  std::set<std::string> names;
  for (const nlohmann::json &entry : manifest.at("mesh").at("axes")) {
    Mesh::Axis axis{entry.at("name").get<std::string>(), entry.at("size").get<int64_t>()};
    if (axis.name.empty() || !names.insert(axis.name).second || axis.size < 1)
      throw Error("manifest: mesh axes must have distinct names and positive sizes, got '" +
                  axis.name + "' of size " + std::to_string(axis.size));
    mesh.axes.push_back(axis);
  }
  return mesh;
} catch (const nlohmann::json::exception &error) {
  throw Error(std::string("manifest: malformed mesh: ") + error.what());
}

} // namespace tpc::runtime
