// Checkpoints: what a training run needs to go on as if it had not been interrupted.
//
//   SAVE/step-00000020/rank-0.safetensors ...   each rank's parts of values and optimizer state
//   SAVE/step-00000020/index.json               which part of which tensor lies where; written last
//
// A folder is written under another name and renamed when complete, so one of the name step-N is
// whole.
#ifndef TPC_RUNTIME_TRAIN_CHECKPOINT_H
#define TPC_RUNTIME_TRAIN_CHECKPOINT_H

#include "Train/Program.h"
#include <optional>
#include <string>

namespace tpc::runtime {

/// Where a run stands.
struct Progress {
  int64_t step = 0; ///< steps done; the next batch starts at sequence step * batch
  int64_t seed = 0;
  std::string data; ///< the data set it was trained on, for a warning when it changes
};

/// Every rank calls this. Throws Error (disk full, a value that is not finite, ...) and leaves
/// nothing half-written.
void saveCheckpoint(Program &program, const std::string &folder, const Progress &progress);

/// The highest step of which a --save folder has a complete checkpoint; nothing if there is none.
std::optional<int64_t> lastStep(const std::string &folder);

/// That checkpoint.
std::optional<std::string> findCheckpoint(const std::string &folder);

/// Whether the folder is a checkpoint itself.
bool isCheckpoint(const std::string &folder);

/// Reads this rank's parts of values and, if `state`, of the optimizer state, from a checkpoint
/// made on any mesh. Throws Error if it is of another model or damaged.
Progress loadCheckpoint(const std::string &folder, Program &program, bool state);

} // namespace tpc::runtime

#endif
