#include "HostCollective.h"
#include "Introduction.h"
#include "MpiOperation.h"
#include <algorithm>
#include <list>
#include <sys/mman.h>

namespace tpc::runtime {

namespace {
/// Page-aligned zeros that cost nothing until touched.
class PrivateRegion {
public:
  explicit PrivateRegion(size_t bytes) : bytes(bytes) {
    if (bytes == 0)
      return;
    void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
      throwErrno(-1, "map " + std::to_string(bytes) + " bytes for communication");
    base = static_cast<char *>(address);
  }
  ~PrivateRegion() {
    if (base)
      munmap(base, bytes);
  }
  PrivateRegion(const PrivateRegion &) = delete;
  char *get() const { return base; }

private:
  const size_t bytes;
  char *base = nullptr;
};

class MpiCommunicator final : public Communicator {
public:
  MpiCommunicator(int rank, int size, const CommunicatorOptions &options)
      : Communicator(rank, size), collectives(options.collectives), memory(options.regionBytes),
        transport(rank, size, options.timeoutSeconds) {
    meet(Introduction::ofThisProcess(rank, SegmentSizes(size, options), options));
  }

  const char *name() const override { return "mpi"; }
  char *region() const override { return memory.get(); }
  int fairThreads() const override { return threads; }

  void start(const Collective &collective, char *const *inputs, char *const *outputs) override {
    if (transport.failed())
      throw Error(transport.failure());
    pending.emplace_back(collective, myRank, 2 * sequence++, inputs, outputs, transport);
    pending.back().start();
  }

  void wait(const Collective &collective) override {
    auto operation =
        std::find_if(pending.begin(), pending.end(), [&](const MpiOperation &candidate) {
          return candidate.number() == collective.index;
        });
    if (operation == pending.end())
      throw Error(transport.describe(myRank) + ": " + collective.describe() +
                  " is waited for and was not started");
    operation->finish(describeHostOperation(collective.index, collectives));
    pending.erase(operation);
  }

  void barrier() override {
    char none = 0;
    std::vector<char> all(worldSize);
    gather(kBarrier, &none, 1, all.data());
  }
  void gatherHost(const void *data, size_t bytes, void *out) override {
    gather(kGatherHost, data, bytes, out);
  }

  void abort(const std::string &message) noexcept override { transport.fail(message); }
  bool failed() const noexcept override { return transport.failed(); }
  std::string failure() const override { return transport.failure(); }
  bool claimReport() noexcept override { return transport.claimReport(); }
  std::string describe(int rank) const override { return transport.describe(rank); }
  void finish() override {
    barrier();
    transport.finish();
  }

private:
  void gather(int64_t number, const void *data, size_t bytes, void *out) {
    if (bytes == 0)
      return;
    Collective collective = hostCollective(number, worldSize, static_cast<int64_t>(bytes));
    std::vector<char> copy(static_cast<const char *>(data),
                           static_cast<const char *>(data) + bytes);
    char *inputs[] = {copy.data()}, *outputs[] = {static_cast<char *>(out)};
    run(collective, inputs, outputs);
  }

  /// Everybody learns of everybody; what differs from rank 0 ends the job.
  void meet(const Introduction &self) {
    std::string text = self.toJson();
    auto length = static_cast<int64_t>(text.size());
    std::vector<int64_t> lengths(worldSize);
    gatherHost(&length, sizeof(length), lengths.data());
    int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    text.resize(longest, ' ');
    std::vector<char> all(longest * worldSize);
    gatherHost(text.data(), longest, all.data());
    std::vector<Introduction> ranks;
    for (int rank = 0; rank < worldSize; ++rank)
      ranks.push_back(
          Introduction::fromJson(std::string(all.data() + longest * rank, lengths[rank])));
    compare(ranks);
    setUp(ranks);
  }

  void compare(const std::vector<Introduction> &ranks) {
    for (int rank = 1; rank < worldSize; ++rank) {
      std::string reason = whyApart(ranks[0], ranks[rank]);
      if (reason.empty())
        continue;
      transport.finish(); // all ranks have come to the same conclusion
      if (myRank == 0)
        throw Error(reason);
      throw RelayedError(reason);
    }
  }

  void setUp(const std::vector<Introduction> &ranks) {
    std::vector<std::string> hosts;
    std::vector<CoreSet> masks;
    size_t own = 0;
    for (const Introduction &rank : ranks) {
      hosts.push_back(rank.host);
      if (rank.rank == myRank)
        own = masks.size();
      if (rank.host == ranks[myRank].host)
        masks.push_back(rank.cores);
    }
    transport.setHosts(hosts);
    threads = fairShare(masks, own, cgroupCores());
  }

  const std::vector<Collective> collectives;
  const PrivateRegion memory;
  std::list<MpiOperation> pending; // outlives the transport, which may still write to its buffers
  MpiTransport transport;
  int threads = 1;
  uint32_t sequence = 0;
};
} // namespace

std::unique_ptr<Communicator> connectMpi(int rank, int size, const CommunicatorOptions &options) {
  return std::make_unique<MpiCommunicator>(rank, size, options);
}

} // namespace tpc::runtime
