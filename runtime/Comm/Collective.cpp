#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

using nlohmann::json;

namespace tpc::runtime {

namespace {
constexpr const char *kOps[] = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all",
                                "permute"};
constexpr const char *kReductions[] = {"sum", "max", "min"};
constexpr const char *kDtypes[] = {"f32", "f64", "bf16", "i32", "i64", "i1"};
constexpr size_t kBytes[] = {4, 8, 2, 4, 8, 1};

template <size_t N>
int parseName(const char *const (&names)[N], const char *what, const std::string &text) {
  for (size_t i = 0; i < N; ++i)
    if (text == names[i])
      return static_cast<int>(i);
  throw Error("manifest: unknown " + std::string(what) + " '" + text + "'");
}

int64_t product(const std::vector<int64_t> &shape) {
  int64_t result = 1;
  for (int64_t size : shape)
    result *= size;
  return result;
}

std::string shapeText(const std::vector<int64_t> &shape) { return json(shape).dump(); }

[[noreturn]] void reject(const Collective &collective, const std::string &rule) {
  throw Error(collective.describe() + ": " + rule);
}

/// "dp,tp", a minor sub-axis as "tp:pre(size)".
std::string axesText(const json &axes) {
  std::string text;
  for (const json &axis : axes) {
    if (!text.empty())
      text += ",";
    text += axis.at("axis").get<std::string>();
    if (axis.value("pre", 1) != 1)
      text += ":" + std::to_string(axis["pre"].get<int>()) + "(" +
              std::to_string(axis.at("size").get<int>()) + ")";
  }
  return text;
}

void parseDims(const json &entry, Collective &result) {
  switch (result.op) {
  case CollectiveOp::AllGather:
  case CollectiveOp::ReduceScatter:
    result.dim = entry.at("dim").get<int64_t>();
    break;
  case CollectiveOp::AllToAll:
    result.splitDim = entry.at("split_dim").get<int64_t>();
    result.concatDim = entry.at("concat_dim").get<int64_t>();
    break;
  case CollectiveOp::Permute:
    result.pairs = entry.at("pairs").get<std::vector<std::pair<int, int>>>();
    break;
  case CollectiveOp::AllReduce:
    break;
  }
}

Collective parseCollective(const json &entry) {
  Collective result;
  result.index = entry.at("index").get<int64_t>();
  result.op =
      static_cast<CollectiveOp>(parseName(kOps, "collective", entry.at("op").get<std::string>()));
  result.axes = axesText(entry.value("axes", json::array()));
  result.groups = entry.at("groups").get<std::vector<std::vector<int>>>();
  result.reduction =
      static_cast<Reduction>(parseName(kReductions, "reduction", entry.value("reduction", "sum")));
  result.dtype = parseDtype(entry.at("dtype").get<std::string>());
  result.module = entry.value("module", "");
  result.location = entry.value("location", "");
  parseDims(entry, result);
  for (const json &operand : entry.at("operands"))
    result.operands.push_back({operand.at("input_shape").get<std::vector<int64_t>>(),
                               operand.at("output_shape").get<std::vector<int64_t>>()});
  return result;
}

void verifyGroups(const Collective &collective, int world) {
  std::set<int> seen;
  for (const std::vector<int> &group : collective.groups) {
    if (group.size() != collective.groups.front().size())
      reject(collective, "all groups must have the same size");
    for (int rank : group)
      if (rank < 0 || rank >= world || !seen.insert(rank).second)
        reject(collective, "groups must partition the ranks 0.." + std::to_string(world - 1) +
                               ", got rank " + std::to_string(rank) + " twice or out of range");
  }
  if (static_cast<int>(seen.size()) != world)
    reject(collective, "groups must partition the " + std::to_string(world) + " ranks, got " +
                           std::to_string(seen.size()));
}

/// `shape` with `dim` multiplied by `times` and then divided by `divided`; rejects what does not
/// divide.
std::vector<int64_t> scaleDim(const Collective &collective, std::vector<int64_t> shape, int64_t dim,
                              int64_t times, int64_t divided) {
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size()))
    reject(collective,
           "dimension " + std::to_string(dim) + " is out of range for shape " + shapeText(shape));
  int64_t size = shape[dim] * times;
  if (size % divided)
    reject(collective, "dimension " + std::to_string(dim) + " of " + shapeText(shape) +
                           " must be divisible by the group size " + std::to_string(divided));
  shape[dim] = size / divided;
  return shape;
}

std::vector<int64_t> expectedOutput(const Collective &collective,
                                    const std::vector<int64_t> &input) {
  auto n = static_cast<int64_t>(collective.groups.front().size());
  switch (collective.op) {
  case CollectiveOp::AllGather:
    return scaleDim(collective, input, collective.dim, n, 1);
  case CollectiveOp::ReduceScatter:
    return scaleDim(collective, input, collective.dim, 1, n);
  case CollectiveOp::AllToAll:
    return scaleDim(collective, scaleDim(collective, input, collective.splitDim, 1, n),
                    collective.concatDim, n, 1);
  case CollectiveOp::AllReduce:
  case CollectiveOp::Permute:
    return input;
  }
  return {};
}

void verifyPairs(const Collective &collective) {
  auto n = static_cast<int>(collective.groups.front().size());
  std::set<int> sources, destinations;
  for (auto [source, destination] : collective.pairs)
    if (source < 0 || source >= n || destination < 0 || destination >= n ||
        !sources.insert(source).second || !destinations.insert(destination).second)
      reject(collective,
             "pairs must name each group position at most once as source and as destination");
}

bool reduces(CollectiveOp op) {
  return op == CollectiveOp::AllReduce || op == CollectiveOp::ReduceScatter;
}
} // namespace

const char *toString(CollectiveOp op) { return kOps[static_cast<int>(op)]; }
const char *toString(Reduction reduction) { return kReductions[static_cast<int>(reduction)]; }
const char *toString(tpc_dtype dtype) { return kDtypes[dtype]; }
size_t elementBytes(tpc_dtype dtype) { return kBytes[dtype]; }
tpc_dtype parseDtype(const std::string &text) {
  return static_cast<tpc_dtype>(parseName(kDtypes, "element type", text));
}

int64_t CollectiveOperand::inputElements() const { return product(inputShape); }
int64_t CollectiveOperand::outputElements() const { return product(outputShape); }

const std::vector<int> &Collective::groupOf(int rank) const {
  for (const std::vector<int> &group : groups)
    if (std::find(group.begin(), group.end(), rank) != group.end())
      return group;
  throw Error(describe() + ": rank " + std::to_string(rank) + " is in no group");
}

size_t Collective::inputBytes() const {
  size_t bytes = 0;
  for (const CollectiveOperand &operand : operands)
    bytes += operand.inputElements() * elementBytes(dtype);
  return bytes;
}

std::string Collective::describe() const {
  std::string text = "collective " + std::to_string(index) + " (" + toString(op);
  if (!axes.empty())
    text += " over " + axes;
  if (!module.empty())
    text += ", module " + module;
  if (!location.empty())
    text += ", " + location;
  return text + ")";
}

void verify(const Collective &collective, int world) {
  if (collective.groups.empty() || collective.operands.empty())
    reject(collective, "a collective needs groups and operands");
  verifyGroups(collective, world);
  verifyPairs(collective);
  if (reduces(collective.op) && collective.dtype == TPC_I1)
    reject(collective, "i1 cannot be reduced");
  for (const CollectiveOperand &operand : collective.operands) {
    std::vector<int64_t> expected = expectedOutput(collective, operand.inputShape);
    if (operand.outputShape != expected)
      reject(collective, "input shape " + shapeText(operand.inputShape) + " gives output shape " +
                             shapeText(expected) + ", got " + shapeText(operand.outputShape));
  }
}

std::vector<Collective> parseCollectives(const json &manifest, int world) try {
  std::vector<Collective> result;
  for (const json &entry : manifest.at("collectives")) {
    result.push_back(parseCollective(entry));
    const Collective &collective = result.back();
    if (collective.index != static_cast<int64_t>(result.size()) - 1)
      reject(collective, "collectives must be numbered from 0 without gaps");
    verify(collective, world);
  }
  return result;
} catch (const json::exception &error) {
  throw Error(std::string("manifest: malformed collectives: ") + error.what());
}

} // namespace tpc::runtime
