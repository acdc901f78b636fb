#include "Cuda/NcclCommunicator.h"
#include "Comm/HostCollective.h"
#include "Cuda/DeviceScratch.h"
#include "Cuda/HostSide.h"
#include "Cuda/NcclGroups.h"
#include "Cuda/NcclOperation.h"
#include "Cuda/Watchdog.h"
#include <algorithm>
#include <atomic>
#include <optional>
#include <sstream>

namespace tpc::runtime {

namespace {
int currentDevice() {
  int device = 0;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

class NcclCommunicator final : public OverHost {
public:
  NcclCommunicator(HostCommunicator &host, const CommunicatorOptions &options, cudaStream_t compute)
      : OverHost(host), collectives(options.collectives), timeoutSeconds(options.timeoutSeconds),
        compute(compute) {
    if (worldSize == 1 || collectives.empty()) {
      alone = allocateDevice(options.regionBytes);
      memory = alone.get();
      return;
    }
    groups.emplace(host, options);
    watchdog.emplace(currentDevice(), timeoutSeconds,
                     Watchdog::Actions{[this] { return seesFailure(); },
                                       [this](int64_t number) { recordOverdue(number); },
                                       [this] { giveUp(); }});
    memory = groups->allocateRegion(options.regionBytes);
    size_t wanted = 0; // now, not while work is recorded into a graph
    for (const Collective &collective : collectives)
      wanted = std::max(wanted, NcclOperation::scratchBytes(collective, myRank));
    scratch.use(memory + options.regionBytes - options.packingBytes, options.packingBytes);
    scratch.get(wanted, communication.get());
  }

  ~NcclCommunicator() override {
    watchdog.reset();
    groups.reset(); // aborts unless the job is finished; then the host may say so
  }

  const char *name() const override { return "nccl"; }
  char *region() const override { return memory; }

  void start(const Collective &collective, char *const *inputs, char *const *outputs) override;
  void wait(const Collective &collective) override;
  void record(const std::function<void()> &give) override;
  void replay(const std::function<void()> &give) override;
  void finish() override;

private:
  void count(int64_t collective) {
    order = (order ^ static_cast<uint64_t>(collective + 1)) * 0x9E3779B97F4A7C15ull;
  }
  void give(const Collective &collective, char *const *inputs, char *const *outputs);
  void checkSameOrder();
  bool seesFailure();
  std::vector<int> peersIn(int64_t operation) const;
  void recordOverdue(int64_t number);
  void giveUp();

  struct Pending {
    int64_t collective;
    std::shared_ptr<Event> done;
  };

  const std::vector<Collective> collectives;
  const double timeoutSeconds;
  const cudaStream_t compute;
  const Stream communication{Priority::High};
  std::shared_ptr<char> alone; ///< the region where there is no NCCL
  char *memory = nullptr;
  DeviceScratch scratch;
  std::vector<Pending> pending;
  uint64_t order = 0;            ///< a hash of the collectives begun
  std::vector<int64_t> recorded; ///< those of the device's recording
  int64_t replays = 0;
  bool recording = false;
  std::timed_mutex calls; ///< held while NCCL is called
  std::atomic<bool> gaveUp{false};
  std::optional<NcclGroups> groups;
  std::optional<Watchdog> watchdog; // last: its thread uses the others
};

void NcclCommunicator::start(const Collective &collective, char *const *inputs,
                             char *const *outputs) {
  if (gaveUp)
    throw Error(failure());
  if (recording) {
    recorded.push_back(collective.index);
  } else {
    note(collective.index);
    count(collective.index);
  }
  auto ready = std::make_shared<Event>(), done = std::make_shared<Event>();
  ready->record(compute);
  ready->holdUp(communication.get());
  if (watchdog)
    watchdog->begin(collective.index);
  give(collective, inputs, outputs);
  done->record(communication.get());
  if (watchdog) // a recorded event does not come
    recording ? watchdog->given(nullptr, nullptr) : watchdog->given(ready, done);
  pending.push_back({collective.index, done});
}

void NcclCommunicator::give(const Collective &collective, char *const *inputs,
                            char *const *outputs) {
  NcclOperation operation(collective, myRank, inputs, outputs);
  char *room = scratch.get(operation.scratchBytes(), communication.get());
  std::lock_guard<std::timed_mutex> lock(calls);
  if (gaveUp)
    throw Error(failure());
  operation.give(groups ? &groups->library : nullptr,
                 groups ? groups->of(collective.groups) : nullptr, communication.get(), room,
                 describe(myRank));
}

void NcclCommunicator::wait(const Collective &collective) {
  auto operation = std::find_if(pending.begin(), pending.end(), [&](const Pending &candidate) {
    return candidate.collective == collective.index;
  });
  if (operation == pending.end())
    throw Error(describe(myRank) + ": " + collective.describe() +
                " is waited for and was not started");
  operation->done->holdUp(compute);
  pending.erase(operation);
}

void NcclCommunicator::record(const std::function<void()> &give) {
  recorded.clear();
  recording = true;
  give();
  recording = false;
}

/// Watched as one: which of its collectives a replay has come to, only the GPU knows.
void NcclCommunicator::replay(const std::function<void()> &give) {
  if (gaveUp)
    throw Error(failure());
  if (recorded.empty())
    return give();
  int64_t number = replayOperation(replays++, collectives);
  note(number);
  for (int64_t collective : recorded)
    count(collective);
  auto ready = std::make_shared<Event>(), done = std::make_shared<Event>();
  ready->record(compute);
  if (watchdog)
    watchdog->begin(number);
  give();
  done->record(compute);
  if (watchdog)
    watchdog->given(ready, done);
}

bool NcclCommunicator::seesFailure() {
  if (!host->failed()) {
    std::string text = groups->asyncError();
    if (!text.empty())
      host->abort(describe(myRank) + ": NCCL reports " + text + ", after " +
                  describeHostOperation(noted(myRank), collectives) + " was begun");
  }
  return host->failed();
}

/// Who takes part in an operation.
std::vector<int> NcclCommunicator::peersIn(int64_t operation) const {
  if (operation < static_cast<int64_t>(collectives.size()))
    return collectives[operation].groupOf(myRank);
  std::vector<int> all(worldSize);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void NcclCommunicator::recordOverdue(int64_t number) {
  std::ostringstream text;
  std::string what = describeHostOperation(number, collectives);
  for (int peer : peersIn(number))
    if (noted(peer) != noted(myRank)) {
      text << describe(peer) << " stalled: " << describe(myRank) << " waited " << timeoutSeconds
           << " s for " << what << " on its GPU and has begun "
           << describeHostOperation(noted(myRank), collectives) << ", the other "
           << describeHostOperation(noted(peer), collectives)
           << "; raise --timeout if it is only slow";
      return host->abort(text.str());
    }
  text
      << describe(myRank) << " waited " << timeoutSeconds << " s for " << what
      << " on its GPU: the GPU of another rank, or what connects them, hangs (NCCL_DEBUG=INFO says "
         "more); raise --timeout if it is only slow";
  host->abort(text.str());
}

void NcclCommunicator::giveUp() {
  gaveUp = true;
  // A thread inside NCCL would lose its communicator; one that hangs there is set free by it.
  std::unique_lock<std::timed_mutex> lock(calls, std::chrono::seconds(1));
  groups->abort();
}

/// Every rank has executed the same collectives in the same order, or results are wrong by
/// accident.
void NcclCommunicator::checkSameOrder() {
  std::vector<uint64_t> orders(worldSize);
  gatherHost(&order, sizeof(order), orders.data());
  for (int rank = 1; rank < worldSize; ++rank)
    if (orders[rank] != orders[0])
      throw Error(describe(rank) + " has executed other collectives than " + describe(0) +
                  ": the ranks do not run the same program on the same input");
}

void NcclCommunicator::finish() {
  checkCuda(cudaStreamSynchronize(communication.get()), "cudaStreamSynchronize");
  checkSameOrder();
  watchdog.reset();
  if (failed())
    throw Error(failure());
  if (groups)
    groups->finish();
  host->finish();
}
} // namespace

void connectNccl(std::unique_ptr<Communicator> &communicator, const CommunicatorOptions &options,
                 cudaStream_t compute) {
  connectOver<NcclCommunicator>(communicator, options, compute);
}

} // namespace tpc::runtime
