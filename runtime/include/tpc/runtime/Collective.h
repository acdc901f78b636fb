// The numbered collectives of a compiled program, read from its manifest.
#ifndef TPC_RUNTIME_COLLECTIVE_H
#define TPC_RUNTIME_COLLECTIVE_H

#include "tpc_runtime.h"
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace tpc::runtime {

enum class CollectiveOp { AllReduce, AllGather, ReduceScatter, AllToAll, Permute };
enum class Reduction { Sum, Max, Min };

/// "all_reduce", ...: the manifest's spelling.
const char *toString(CollectiveOp op);
/// "sum", "max", "min".
const char *toString(Reduction reduction);
/// "f32", ...: the manifest's spelling.
const char *toString(tpc_dtype dtype);
/// Bytes of one element.
size_t elementBytes(tpc_dtype dtype);
/// Inverse of toString; throws Error naming the text.
tpc_dtype parseDtype(const std::string &text);

/// One tensor that takes part: row-major and contiguous on every rank.
struct CollectiveOperand {
  std::vector<int64_t> inputShape, outputShape;
  int64_t inputElements() const;
  int64_t outputElements() const;
};

/// What the manifest says about collective number `index`; docs/manifest.md defines the fields.
struct Collective {
  int64_t index = -1;
  CollectiveOp op = CollectiveOp::AllReduce;
  std::string axes; ///< "tp", "dp,tp", "tp:2(2)": for messages only
  std::vector<std::vector<int>> groups;
  Reduction reduction = Reduction::Sum;
  int64_t dim = 0;                        ///< all_gather, reduce_scatter
  int64_t splitDim = 0, concatDim = 0;    ///< all_to_all
  std::vector<std::pair<int, int>> pairs; ///< permute: (source, destination) group positions
  tpc_dtype dtype = TPC_F32;
  std::vector<CollectiveOperand> operands;
  std::string module, location;

  /// The group that `rank` belongs to.
  const std::vector<int> &groupOf(int rank) const;
  /// Bytes of all inputs of one rank.
  size_t inputBytes() const;
  /// "collective 7 (all_gather over tp, module model.layers.0.mlp, tutorial.yaml:9)".
  std::string describe() const;
};

/// Checks that groups partition the ranks [0, world), shapes fit the op and group size, dims are in
/// range and the reduction exists for the element type. Throws Error naming the collective and the
/// rule.
void verify(const Collective &collective, int world);

/// Reads and verifies the `collectives` of a manifest.
std::vector<Collective> parseCollectives(const nlohmann::json &manifest, int world);

} // namespace tpc::runtime

#endif
