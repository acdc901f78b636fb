// The manifest of a compiled program, as the training loop needs it; docs/manifest.md defines the
// fields.
#ifndef TPC_RUNTIME_TRAIN_MANIFEST_H
#define TPC_RUNTIME_TRAIN_MANIFEST_H

#include "Train/Box.h"
#include "tpc/runtime/Context.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tpc::runtime {

/// A place in one of the two regions of a rank's arena.
struct Slot {
  bool communication = false;
  int64_t offset = 0;
};

/// A tensor that belongs to a parameter: which part of it a rank has, and where that lies.
struct KeptTensor {
  Placement placement;
  Slot slot;
};

struct Parameter {
  std::string name;
  Shape shape; ///< Hugging Face's; the same elements in the same order as placement.globalShape
  tpc_dtype dtype = TPC_F32;
  Placement placement; ///< of the value
  std::string layout;  ///< in DTensor's words
  Slot value;
  std::optional<KeptTensor> expAvg, expAvgSq, gradient; ///< in training
  /// Of a rank's part.
  int64_t localBytes(const Placement &part) const {
    return static_cast<int64_t>(runtime::localBytes(part, dtype));
  }
};

/// An input or output of an entry.
struct Value {
  std::string name;
  tpc_dtype dtype = TPC_F32;
  Placement placement;
  Slot slot;
};

struct Entry {
  std::vector<Value> inputs, outputs;
};

struct Manifest {
  bool train = false;
  std::string target; ///< "cpu", "cuda"
  std::string arch;   ///< of a GPU: "sm_90"
  bool bf16 = false;  ///< products are of bf16
  std::string cpu;
  std::vector<std::string> cpuFeatures;
  Mesh mesh;
  int64_t batch = 0, sequence = 0, vocabulary = 0;
  std::string modelConfig; ///< config.json's text
  int64_t headLength = 0;  ///< of attention, by modelConfig; 0: not said
  double flopsPerStep = 0;
  double peakFlops = 0;    ///< of a rank, by the machine model; 0: to be measured
  std::string peakMachine; ///< that model's name
  int64_t privateBytes = 0, communicationBytes = 0, workspaceBytesPerThread = 0;
  int64_t packingBytes = 0;                          ///< at the end of the communication region
  std::vector<std::pair<std::string, int64_t>> peak; ///< category, bytes; in the manifest's order
  std::vector<Parameter> parameters;
  std::map<std::string, Entry> entries;
  std::vector<Collective> collectives;

  const Entry &entry(const std::string &name) const;
  /// What a rank with so many threads needs, both regions together.
  uint64_t arenaBytes(int threads) const {
    return static_cast<uint64_t>(privateBytes + communicationBytes +
                                 threads * workspaceBytesPerThread);
  }
  bool hasEntry(const std::string &name) const { return entries.count(name) != 0; }
};

/// Throws Error naming the field that is missing or of the wrong type.
Manifest parseManifest(const std::string &text);

} // namespace tpc::runtime

#endif
