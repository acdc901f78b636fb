// Collectives that are in no manifest: the runtime's own, over all ranks, on bytes.
#ifndef TPC_RUNTIME_COMM_HOSTCOLLECTIVE_H
#define TPC_RUNTIME_COMM_HOSTCOLLECTIVE_H

#include "tpc/runtime/Collective.h"
#include <numeric>

namespace tpc::runtime {

/// Operation numbers beside those of the manifest, which count from 0.
constexpr int64_t kNoOperation = -1, kBarrier = -2, kGatherHost = -3, kFinish = -4;

/// An all_gather of `bytes` bytes from each of `world` ranks; without operands if `bytes` is 0.
inline Collective hostCollective(int64_t index, int world, int64_t bytes) {
  Collective collective;
  collective.index = index;
  collective.op = CollectiveOp::AllGather;
  collective.dtype = TPC_I1;
  collective.groups.emplace_back(world);
  std::iota(collective.groups[0].begin(), collective.groups[0].end(), 0);
  if (bytes > 0)
    collective.operands = {{{bytes}, {bytes * world}}};
  return collective;
}

/// The number of replay `replay`, counted from 0, of recorded collectives: behind the manifest's.
inline int64_t replayOperation(int64_t replay, const std::vector<Collective> &collectives) {
  return static_cast<int64_t>(collectives.size()) + replay;
}

/// For messages: "collective 7 (...)", "a barrier", ...
inline std::string describeHostOperation(int64_t operation,
                                         const std::vector<Collective> &collectives) {
  switch (operation) {
  case kNoOperation:
    return "the start";
  case kBarrier:
    return "a barrier";
  case kGatherHost:
    return "an exchange of host data";
  case kFinish:
    return "the end";
  default:
    if (operation < static_cast<int64_t>(collectives.size()))
      return collectives[operation].describe();
    if (collectives.empty())
      return "collective " + std::to_string(operation);
    return "the collectives of replay " +
           std::to_string(operation - static_cast<int64_t>(collectives.size()) + 1) +
           " of the recorded step";
  }
}

} // namespace tpc::runtime

#endif
