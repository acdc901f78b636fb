// The index of a checkpoint: what it was made of, and which part of which tensor lies in which
// file.
#ifndef TPC_RUNTIME_TRAIN_CHECKPOINTINDEX_H
#define TPC_RUNTIME_TRAIN_CHECKPOINTINDEX_H

#include "Train/Checkpoint.h"
#include <functional>
#include <map>
#include <vector>

namespace tpc::runtime {

/// One tensor of a checkpoint: a parameter's value, or one of its moments (`NAME.exp_avg`).
struct StateTensor {
  std::string name;
  const Parameter *parameter;
  KeptTensor kept;
  bool isState;
};
std::vector<StateTensor> stateTensors(const Manifest &manifest);

/// A box of a tensor's global shape and the file that holds it.
struct StoredPart {
  std::string file;
  Box box;
};

struct CheckpointIndex {
  Progress progress;
  std::map<std::string, std::vector<StoredPart>> parts; ///< by tensor
};

/// JSON text; `fileOf` names the file of a rank.
std::string printIndex(const Manifest &manifest, const Progress &progress,
                       const std::function<std::string(int64_t rank)> &fileOf);

/// Reads an index. Throws Error if it is damaged or not of this model.
CheckpointIndex readIndex(const std::string &path, const Manifest &manifest);

} // namespace tpc::runtime

#endif
