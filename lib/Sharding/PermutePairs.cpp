//===- PermutePairs.cpp - who sends to whom in a permute ----------------------===//
//
// A group may be all ranks of a mesh, and programs have permutes in every layer: the work is linear
// in the ranks of the group.
//
//===----------------------------------------------------------------------===//

#include "tpc/Sharding/ReshardPlanner.h"
#include "llvm/ADT/STLExtras.h"

using namespace tpc;
using llvm::ArrayRef;

/// The row-major number of the shard that `rank` holds.
static int64_t getShardNumber(const Layout &layout, const Mesh &mesh, int64_t rank) {
  int64_t number = 0;
  for (const AxisList &axes : layout.dims)
    for (const AxisRef &ref : axes)
      number = number * ref.size + ref.getCoordinate(mesh, rank);
  return number;
}

llvm::SmallVector<int64_t> tpc::getPermutePairs(const Layout &from, const Layout &to,
                                                ArrayRef<AxisRef> axes, const Mesh &mesh) {
  llvm::SmallVector<int64_t> group = getGroups(axes, mesh).front(), pairs;
  int64_t shards = 1;
  for (const AxisList &dim : from.dims)
    shards *= getSize(dim);
  // The holders of a shard send it in turn: a list per shard, through `next`.
  std::vector<int64_t> first(shards, -1), next(group.size(), -1);
  for (int64_t source = group.size(); source-- > 0;) {
    int64_t shard = getShardNumber(from, mesh, group[source]);
    next[source] = std::exchange(first[shard], source);
  }
  for (auto [destination, rank] : llvm::enumerate(group)) {
    int64_t &source = first[getShardNumber(to, mesh, rank)];
    if (source < 0)
      continue;
    pairs.append({source, static_cast<int64_t>(destination)});
    source = next[source];
  }
  return pairs;
}
