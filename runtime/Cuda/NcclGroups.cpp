#include "Cuda/NcclGroups.h"
#include "Cuda/Stream.h"
#include <algorithm>
#include <chrono>
#include <thread>

namespace tpc::runtime {

NcclGroups::NcclGroups(HostCommunicator &host, const CommunicatorOptions &options)
    : host(host), timeoutSeconds(options.timeoutSeconds), who(host.describe(host.rank())) {
  checkVersions();
  try {
    connectWorld();
    for (const Collective &collective : options.collectives)
      if (!communicators.count(collective.groups))
        communicators[collective.groups] = splitFor(collective.groups);
  } catch (const std::exception &error) {
    host.abort(error.what()); // the others wait for this rank inside NCCL
    abort();
    throw;
  }
}

NcclGroups::~NcclGroups() {
  if (!ended)
    abort();
  release();
}

void NcclGroups::checkVersions() {
  std::vector<int> versions(host.size());
  host.gatherHost(&library.version, sizeof(int), versions.data());
  for (int rank = 1; rank < host.size(); ++rank)
    if (versions[rank] != versions[0])
      throw Error(host.describe(rank) + " has another version of NCCL than " + host.describe(0) +
                  ": " + std::to_string(versions[rank]) + ", not " + std::to_string(versions[0]));
}

void NcclGroups::connectWorld() {
  ncclUniqueId id = {};
  if (host.rank() == 0)
    library.check(library.getUniqueId(&id), who, "ncclGetUniqueId");
  host.broadcast(&id, sizeof(id), 0);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0; // a peer that does not come must not stop this rank for ever
  library.check(library.initRank(&world, host.size(), id, host.rank(), &config), who,
                "ncclCommInitRank");
  settle("ncclCommInitRank");
}

void NcclGroups::settle(const char *call) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  ncclResult_t state = ncclInProgress;
  while (true) {
    library.check(library.getAsyncError(world, &state), who, call, world);
    library.check(state, who, call, world);
    if (state == ncclSuccess)
      return;
    if (host.failed())
      throw Error(host.failure());
    if (std::chrono::duration<double>(Clock::now() - begin).count() > timeoutSeconds)
      throw Error(who + " waited " + std::to_string(static_cast<int>(timeoutSeconds)) + " s in " +
                  call +
                  " for the other ranks: NCCL_DEBUG=INFO shows which network "
                  "interface it tries, NCCL_SOCKET_IFNAME chooses another");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

ncclComm_t NcclGroups::splitFor(const Groups &groups) {
  auto ours = std::find_if(groups.begin(), groups.end(), [&](const std::vector<int> &group) {
    return std::find(group.begin(), group.end(), host.rank()) != group.end();
  });
  int color = ours->size() > 1 ? static_cast<int>(ours - groups.begin()) : NCCL_SPLIT_NOCOLOR;
  auto key = static_cast<int>(std::find(ours->begin(), ours->end(), host.rank()) - ours->begin());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1; // a call that does not block costs a thread each
  config.splitShare = 1;
  ncclComm_t result = nullptr;
  library.check(library.split(world, color, key, &result, &config), who, "ncclCommSplit", world);
  settle("ncclCommSplit");
  return result;
}

char *NcclGroups::allocateRegion(size_t bytes) {
  if (bytes == 0)
    return nullptr;
  void *address = nullptr;
  if (library.memAlloc && library.memFree)
    library.check(library.memAlloc(&address, bytes), who, "ncclMemAlloc");
  else
    address = takeDeviceMemory(bytes);
  region = static_cast<char *>(address);
  zeroDevice(region, bytes);
  for (auto &[groups, communicator] : communicators) {
    ncclWindow_t window = nullptr;
    if (!communicator || !library.registerWindow || !library.deregisterWindow)
      continue;
    library.check(
        library.registerWindow(communicator, region, bytes, &window, NCCL_WIN_COLL_SYMMETRIC), who,
        "ncclCommWindowRegister", communicator);
    if (window) // null where the system does not support it
      windows.emplace_back(communicator, window);
  }
  return region;
}

std::string NcclGroups::asyncError() const {
  auto errorOf = [&](ncclComm_t communicator) -> std::string {
    ncclResult_t state = ncclSuccess;
    if (!communicator)
      return "";
    ncclResult_t code = library.getAsyncError(communicator, &state);
    if (code == ncclSuccess)
      code = state;
    return code == ncclSuccess || code == ncclInProgress ? "" : library.textOf(code, communicator);
  };
  std::string text = errorOf(world);
  for (auto &[groups, communicator] : communicators)
    if (text.empty())
      text = errorOf(communicator);
  return text;
}

void NcclGroups::abort() noexcept {
  if (ended)
    return;
  ended = true;
  for (auto &[groups, communicator] : communicators)
    if (communicator)
      library.abort(communicator);
  if (world)
    library.abort(world);
}

void NcclGroups::finish() {
  for (auto &[communicator, window] : windows)
    library.check(library.deregisterWindow(communicator, window), who, "ncclCommWindowDeregister",
                  communicator);
  for (auto &[groups, communicator] : communicators)
    if (communicator)
      library.check(library.destroy(communicator), who, "ncclCommDestroy");
  library.check(library.finalize(world), who, "ncclCommFinalize", world);
  settle("ncclCommFinalize");
  ended = true;
  library.check(library.destroy(world), who, "ncclCommDestroy");
}

void NcclGroups::release() noexcept {
  if (!region)
    return;
  if (library.memAlloc && library.memFree)
    library.memFree(region);
  else
    cudaFree(region);
}

} // namespace tpc::runtime
