#include "IO/Safetensors.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

namespace tpc::runtime {
namespace {

constexpr uint64_t maxHeader = 100'000'000; // the format's own limit

int64_t product(const std::vector<int64_t> &shape) {
  int64_t result = 1;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(result, size, &result))
      return -1;
  return result;
}

[[noreturn]] void refuse(const std::string &path, const std::string &why) {
  throw Error(path + " is no valid safetensors file: " + why);
}

uint64_t headerBytes(const MappedFile &file) {
  uint64_t bytes = 0;
  if (file.size() < sizeof(bytes))
    refuse(file.path(), "it has " + std::to_string(file.size()) + " bytes, too few for a header");
  std::memcpy(&bytes, file.data(), sizeof(bytes));
  if (bytes > maxHeader || bytes > file.size() - sizeof(bytes))
    refuse(file.path(), "its header claims " + std::to_string(bytes) + " bytes, the file has " +
                            std::to_string(file.size()) + " (truncated?)");
  return bytes;
}

/// Keeps the keys seen, because JSON parsers silently let the last of two equal keys win.
nlohmann::json parseHeader(const std::string &path, const char *begin, const char *end) {
  std::vector<std::string> keys;
  auto noteKeys = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json &value) {
    if (event == nlohmann::json::parse_event_t::key && depth == 1)
      keys.push_back(value.get<std::string>());
    return true;
  };
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(begin, end, noteKeys);
  } catch (const nlohmann::json::exception &error) {
    refuse(path, std::string("its header is no JSON: ") + error.what());
  }
  if (!header.is_object())
    refuse(path, "its header is no JSON object");
  std::sort(keys.begin(), keys.end());
  auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end())
    refuse(path, "tensor '" + *twice + "' occurs twice");
  return header;
}

StoredTensor parseTensor(const std::string &path, const std::string &name,
                         const nlohmann::json &entry, const char *data, uint64_t dataBytes) {
  StoredTensor tensor;
  std::vector<uint64_t> range;
  try {
    tensor.name = name;
    tensor.dtype = entry.at("dtype").get<std::string>();
    tensor.shape = entry.at("shape").get<std::vector<int64_t>>();
    range = entry.at("data_offsets").get<std::vector<uint64_t>>();
  } catch (const nlohmann::json::exception &error) {
    refuse(path, "tensor '" + name + "': " + error.what());
  }
  if (range.size() != 2 || range[0] > range[1] || range[1] > dataBytes)
    refuse(path, "tensor '" + name + "' lies outside the file (truncated?)");
  if (std::any_of(tensor.shape.begin(), tensor.shape.end(), [](int64_t size) { return size < 0; }))
    refuse(path, "tensor '" + name + "' has a negative size");
  tensor.data = data + range[0], tensor.bytes = range[1] - range[0];
  uint64_t element = safetensorsElementBytes(tensor.dtype);
  if (element == 0)
    refuse(path, "tensor '" + name + "' has the unknown type " + tensor.dtype);
  uint64_t expected = 0;
  if (tensor.elements() < 0 ||
      __builtin_mul_overflow(static_cast<uint64_t>(tensor.elements()), element, &expected) ||
      expected != tensor.bytes)
    refuse(path, "tensor '" + name + "' has " + std::to_string(tensor.bytes) +
                     " bytes, which its shape and type do not fill");
  return tensor;
}

/// The format demands that tensors cover the data without holes: overlaps and gaps are lies.
void checkCoverage(const std::string &path, const std::map<std::string, StoredTensor> &tensors,
                   const char *data, uint64_t dataBytes) {
  std::vector<const StoredTensor *> order;
  for (auto &[name, tensor] : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const StoredTensor *a, const StoredTensor *b) {
    return std::make_pair(a->data, a->bytes) < std::make_pair(b->data, b->bytes);
  });
  const char *at = data;
  for (const StoredTensor *tensor : order) {
    if (tensor->data != at)
      refuse(path, "tensor '" + tensor->name + "' " +
                       (tensor->data < at ? "overlaps" : "leaves a gap after") +
                       " the one before it");
    at += tensor->bytes;
  }
  if (at != data + dataBytes)
    refuse(path, std::to_string(data + dataBytes - at) + " bytes at its end belong to no tensor");
}

} // namespace

uint64_t safetensorsElementBytes(const std::string &dtype) {
  static const std::map<std::string, uint64_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
      {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};
  auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

int64_t StoredTensor::elements() const { return product(shape); }
int64_t TensorSpec::elements() const { return product(shape); }

SafetensorsFile::SafetensorsFile(const std::string &path) : file(path) {
  uint64_t header = headerBytes(file);
  const char *data = file.data() + sizeof(uint64_t) + header;
  uint64_t dataBytes = file.size() - sizeof(uint64_t) - header;
  nlohmann::json entries = parseHeader(path, data - header, data);
  for (auto &[name, entry] : entries.items())
    if (name != "__metadata__")
      byName.emplace(name, parseTensor(path, name, entry, data, dataBytes));
  checkCoverage(path, byName, data, dataBytes);
}

const StoredTensor *SafetensorsFile::find(const std::string &name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &found->second;
}

SafetensorsLayout::SafetensorsLayout(std::vector<TensorSpec> tensors,
                                     const std::map<std::string, std::string> &metadata)
    : specs(std::move(tensors)) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  for (const TensorSpec &tensor : specs) {
    offsets.push_back(total);
    uint64_t bytes =
        static_cast<uint64_t>(tensor.elements()) * safetensorsElementBytes(tensor.dtype);
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {total, total + bytes}}};
    total += bytes;
  }
  std::string json = header.dump();
  json.append((64 - (json.size() + sizeof(uint64_t)) % 64) % 64, ' ');
  uint64_t length = json.size();
  text.assign(reinterpret_cast<const char *>(&length), sizeof(length));
  text += json;
  for (uint64_t &offset : offsets)
    offset += text.size();
  total += text.size();
}

} // namespace tpc::runtime
