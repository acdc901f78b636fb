// The safetensors format: eight bytes of header length, a JSON header, the tensors' bytes.
#ifndef TPC_RUNTIME_IO_SAFETENSORS_H
#define TPC_RUNTIME_IO_SAFETENSORS_H

#include "IO/MappedFile.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tpc::runtime {

/// Element types that tpc reads, by the format's own names: F64, F32, F16, BF16, I64, I32, ...
uint64_t safetensorsElementBytes(const std::string &dtype); ///< 0 for an unknown one

/// One tensor of an open file.
struct StoredTensor {
  std::string name, dtype;
  std::vector<int64_t> shape;
  const char *data = nullptr;
  uint64_t bytes = 0;
  int64_t elements() const;
};

/// An open file whose header has been checked against its size: names unique, offsets inside the
/// file, in order, without gaps or overlaps, and of the length that shape and type ask for.
class SafetensorsFile {
public:
  /// Throws Error naming file, tensor and rule.
  explicit SafetensorsFile(const std::string &path);
  const std::map<std::string, StoredTensor> &tensors() const { return byName; }
  /// Null if there is none of this name.
  const StoredTensor *find(const std::string &name) const;
  const std::string &path() const { return file.path(); }

private:
  MappedFile file;
  std::map<std::string, StoredTensor> byName;
};

/// A tensor that will be written.
struct TensorSpec {
  std::string name, dtype;
  std::vector<int64_t> shape;
  int64_t elements() const;
};

/// Where every tensor of a file to be written goes.
class SafetensorsLayout {
public:
  explicit SafetensorsLayout(std::vector<TensorSpec> tensors,
                             const std::map<std::string, std::string> &metadata = {});
  /// Length and JSON header, padded so that the data starts at a multiple of 64.
  const std::string &header() const { return text; }
  uint64_t offset(size_t index) const { return offsets[index]; } ///< in the file
  uint64_t size() const { return total; }
  const std::vector<TensorSpec> &tensors() const { return specs; }

private:
  std::vector<TensorSpec> specs;
  std::vector<uint64_t> offsets;
  std::string text;
  uint64_t total = 0;
};

/// Copies `count` elements from element `first` of a stored tensor, converted to f32.
/// Throws Error for a type that is no floating-point number.
void readElements(const StoredTensor &tensor, int64_t first, int64_t count, float *out);

} // namespace tpc::runtime

#endif
