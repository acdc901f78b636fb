// Weights from a Hugging Face folder.
#ifndef TPC_RUNTIME_TRAIN_HUGGINGFACE_H
#define TPC_RUNTIME_TRAIN_HUGGINGFACE_H

#include "IO/Safetensors.h"
#include "Train/Program.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tpc::runtime {

/// A parameter's name without `model.` or `base_model.` in front.
std::string canonicalName(const std::string &name);

/// The tensors of `config.json` + `model.safetensors`, or of the shards that
/// `model.safetensors.index.json` lists.
class HuggingFaceFolder {
public:
  /// Throws Error: no such files, damaged files, a tensor in two shards, a shard that lacks one.
  explicit HuggingFaceFolder(const std::string &path);

  /// By name, whatever its prefix. Null if there is none.
  const StoredTensor *find(const std::string &name) const;
  /// Throws Error if the folder is not of this model: a parameter that is missing, of another shape
  /// or not one of ours, or a config.json of another model.
  void check(const Manifest &manifest) const;

private:
  void add(const std::string &file);
  void addShards(const std::string &index);
  bool mayBeIgnored(const std::string &name, const StoredTensor &tensor) const;
  void checkConfig(const Manifest &manifest) const;

  std::string folder;
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, const StoredTensor *> byName;
};

/// Reads this rank's part of every parameter from a folder of this model. Throws Error.
void loadHuggingFace(const std::string &folder, Program &program);

} // namespace tpc::runtime

#endif
