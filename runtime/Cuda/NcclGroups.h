// The communicators of NCCL that a program needs: one for all ranks, and of that one split for
// each distinct set of groups.
#ifndef TPC_RUNTIME_CUDA_NCCLGROUPS_H
#define TPC_RUNTIME_CUDA_NCCLGROUPS_H

#include "Cuda/NcclLibrary.h"
#include "tpc/runtime/Communicator.h"
#include <map>

namespace tpc::runtime {

class NcclGroups {
public:
  using Groups = std::vector<std::vector<int>>;

  /// Connects all ranks of `host`: its collectives must have a group of more than one rank.
  /// Throws Error on failure, a failure elsewhere, or after the time-out.
  NcclGroups(HostCommunicator &host, const CommunicatorOptions &options);
  /// Without finish(), aborts.
  ~NcclGroups();

  const NcclLibrary library;

  /// That of this rank's group; null for a group of one.
  ncclComm_t of(const Groups &groups) const { return communicators.at(groups); }

  /// Memory for communication, zeroed, which NCCL may reach from other ranks without copies.
  /// Collective.
  char *allocateRegion(size_t bytes);

  /// Ends in good order, collectively.
  void finish();
  /// Any thread, once: ends what is under way, here and so at the others.
  void abort() noexcept;
  /// What went wrong behind the calls; empty if nothing did.
  std::string asyncError() const;

private:
  void connectWorld();
  void checkVersions();
  ncclComm_t splitFor(const Groups &groups);
  /// Waits until the world's last call is done.
  void settle(const char *call);
  void release() noexcept;

  HostCommunicator &host;
  const double timeoutSeconds;
  const std::string who; ///< "rank 1 on HOST"
  ncclComm_t world = nullptr;
  std::map<Groups, ncclComm_t> communicators;
  char *region = nullptr;
  std::vector<std::pair<ncclComm_t, ncclWindow_t>> windows;
  bool ended = false;
};

} // namespace tpc::runtime

#endif
