#include "Train/Describe.h"
#include "Memory/Limit.h"

#include <algorithm>
#include <map>

namespace tpc::runtime {
namespace {

std::string print(const Shape &shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

std::string printSize(int64_t bytes) {
  return std::to_string(bytes) + " bytes (" + printBytes(static_cast<uint64_t>(bytes)) + ")";
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// "Shard(0) on tp", from the dims, for values that carry no layout text of their own.
std::string layoutOf(const Placement &placement, const Mesh &mesh) {
  std::string text;
  for (size_t d = 0; d < placement.dims.size(); ++d)
    for (const SubAxis &part : placement.dims[d])
      text += (text.empty() ? "" : ", ") + ("Shard(" + std::to_string(d) + ") on ") +
              mesh.axes[static_cast<size_t>(part.axis)].name;
  return text.empty() ? "Replicate" : text;
}

/// "; gradient and state here 6x8", where they are not split as the parameter is.
std::string describeState(const Parameter &parameter) {
  if (!parameter.expAvg || parameter.expAvg->placement.localShape == parameter.placement.localShape)
    return "";
  return "; gradient and state here " + print(parameter.expAvg->placement.localShape);
}

/// Whether the parts on some rank hold more than the tensor has.
bool isPadded(const Placement &placement, const Mesh &mesh) {
  for (int64_t rank = 0; rank < mesh.size(); ++rank)
    if (boxOf(placement, mesh, rank).sizes != placement.localShape)
      return true;
  return false;
}

std::string describeParameters(const Manifest &manifest) {
  size_t nameWidth = 0, shapeWidth = 0;
  int64_t elements = 0;
  for (const Parameter &parameter : manifest.parameters) {
    nameWidth = std::max(nameWidth, parameter.name.size());
    shapeWidth = std::max(shapeWidth, print(parameter.shape).size());
    elements += elementsOf(parameter.shape);
  }
  std::string text = "parameters: " + std::to_string(manifest.parameters.size()) + " tensors, " +
                     std::to_string(elements) + " elements\n";
  for (const Parameter &parameter : manifest.parameters)
    text += "  " + padded(parameter.name, nameWidth) + "  " + toString(parameter.dtype) + "  " +
            padded(print(parameter.shape), shapeWidth) + "  " +
            (parameter.layout.empty() ? layoutOf(parameter.placement, manifest.mesh)
                                      : parameter.layout) +
            "; here " + print(parameter.placement.localShape) +
            (isPadded(parameter.placement, manifest.mesh) ? " with padding" : "") +
            describeState(parameter) + "\n";
  return text;
}

/// Bytes that every rank stores of some tensors, and how many of them are padding, by rank.
struct Stored {
  int64_t bytes = 0;
  std::vector<int64_t> padding;

  void add(const Parameter &parameter, const Placement &placement, const Mesh &mesh) {
    int64_t size = parameter.localBytes(placement), elements = elementsOf(placement.localShape);
    bytes += size;
    padding.resize(static_cast<size_t>(mesh.size()));
    for (size_t rank = 0; rank < padding.size() && elements > 0; ++rank)
      padding[rank] += size - size / elements * elementsOf(boxOf(placement, mesh, rank).sizes);
  }
};

std::string printStored(const std::string &name, const Stored &stored) {
  int64_t most =
      stored.padding.empty() ? 0 : *std::max_element(stored.padding.begin(), stored.padding.end());
  return "  " + padded(name, 16) + printSize(stored.bytes) +
         (most ? ", of which padding at most " + printSize(most) : "") + "\n";
}

/// Bytes between steps, whatever a step needs beside them (gathered parameters, activations).
std::string describeStorage(const Manifest &manifest) {
  Stored values, gradients, states;
  auto add = [&](Stored &stored, const Parameter &parameter,
                 const std::optional<KeptTensor> &kept) {
    if (kept)
      stored.add(parameter, kept->placement, manifest.mesh);
  };
  for (const Parameter &parameter : manifest.parameters) {
    values.add(parameter, parameter.placement, manifest.mesh);
    add(gradients, parameter, parameter.gradient);
    add(states, parameter, parameter.expAvg);
    add(states, parameter, parameter.expAvgSq);
  }
  std::string text = "stored on a rank:\n" + printStored("parameters", values);
  if (manifest.train)
    text += printStored("gradients", gradients) + printStored("optimizer_state", states);
  return text;
}

std::string describeEntries(const Manifest &manifest) {
  std::string text = "entries:\n";
  for (auto &[name, entry] : manifest.entries) {
    text += "  " + name + "(";
    for (const Value &value : entry.inputs)
      text += (&value == entry.inputs.data() ? "" : ", ") + value.name + ": " +
              print(value.placement.localShape) + " " + toString(value.dtype);
    text += ") ->";
    for (const Value &value : entry.outputs)
      text += (&value == entry.outputs.data() ? " " : ", ") + value.name;
    text += "\n";
  }
  return text;
}

std::string describeArena(const Manifest &manifest, int threads) {
  auto line = [&](const std::string &category, int64_t size) {
    return "  " + padded(category, 16) + printSize(size);
  };
  int64_t communication = manifest.communicationBytes,
          arena = static_cast<int64_t>(manifest.arenaBytes(threads));
  std::string count = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  std::string text = "arena of a rank with " + count + ": " + printSize(arena) +
                     ", of which private " + std::to_string(arena - communication) +
                     ", communication region " + std::to_string(communication) +
                     "; at its peak instant:\n";
  for (auto &[category, size] : manifest.peak)
    text += line(category, size) + "\n";
  return text + line("workspace", threads * manifest.workspaceBytesPerThread) + ": " + count +
         " x " + std::to_string(manifest.workspaceBytesPerThread) + "\n";
}

std::string describeCollectives(const Manifest &manifest) {
  std::map<std::string, std::pair<int64_t, uint64_t>> kinds;
  for (const Collective &collective : manifest.collectives) {
    auto &[count, bytes] = kinds[std::string(toString(collective.op)) + " over " + collective.axes];
    ++count, bytes += collective.inputBytes();
  }
  std::string text =
      "collectives: " + std::to_string(manifest.collectives.size()) + " in all entries\n";
  for (auto &[kind, total] : kinds)
    text += "  " + padded(kind, 28) + std::to_string(total.first) + ", inputs " +
            printBytes(total.second) + "\n";
  return text;
}

} // namespace

std::string describe(const Manifest &manifest, int threads) {
  std::string text = std::string(manifest.train ? "training" : "forward") + " program for " +
                     std::to_string(manifest.mesh.size()) +
                     (manifest.mesh.size() == 1 ? " rank" : " ranks") + ", mesh " +
                     manifest.mesh.toString() + "\n";
  text += "batch " + std::to_string(manifest.batch) + " (global), sequence " +
          std::to_string(manifest.sequence) + ", vocabulary " +
          std::to_string(manifest.vocabulary) + (manifest.bf16 ? ", computed in bf16" : "") +
          ", cpu " + manifest.cpu + "\n";
  return text + describeParameters(manifest) + describeStorage(manifest) +
         describeEntries(manifest) + describeArena(manifest, threads) +
         describeCollectives(manifest);
}

} // namespace tpc::runtime
