#include "HostCollective.h"
#include "NetworkPlace.h"
#include "Rendezvous.h"
#include "Star.h"
#include "TcpSocket.h"
#include <cstring>

namespace tpc::runtime {

namespace {
class TcpCommunicator final : public Communicator {
public:
  TcpCommunicator(int rank, const std::vector<std::string> &hosts,
                  std::map<int, FileDescriptor> connections, double timeoutSeconds)
      : Communicator(rank, static_cast<int>(hosts.size())),
        star(rank, hosts, std::move(connections), timeoutSeconds) {}

  const char *name() const override { return "tcp"; }
  char *region() const override { return nullptr; }
  void start(const Collective &collective, char *const *, char *const *) override {
    throw Error(describe(myRank) + ": no " + collective.describe() + " over TCP");
  }
  void wait(const Collective &collective) override { start(collective, nullptr, nullptr); }

  void barrier() override { star.exchange(kBarrier, ""); }
  void gatherHost(const void *data, size_t bytes, void *out) override {
    if (bytes == 0)
      return;
    std::string all =
        star.exchange(kGatherHost, std::string(static_cast<const char *>(data), bytes));
    std::memcpy(out, all.data(), all.size());
  }

  void abort(const std::string &message) noexcept override { star.fail(message); }
  bool failed() const noexcept override { return star.failed(); }
  std::string failure() const override { return star.failure(); }
  bool claimReport() noexcept override { return star.claimReport(); }
  std::string describe(int rank) const override { return star.describe(rank); }
  void finish() override { star.exchange(kFinish, ""); }

private:
  Star star;
};

/// As rank 0; hosts of all ranks and connections to the others.
std::pair<std::vector<std::string>, std::map<int, FileDescriptor>>
gather(const Introduction &self, MeetingPlace &place, double timeoutSeconds) {
  Gathering gathering(self, place, timeoutSeconds);
  std::vector<std::string> hosts{self.host};
  for (auto &[rank, introduction] : gathering.others())
    hosts.push_back(introduction.host);
  std::map<int, Welcome> welcomes;
  for (auto &[rank, introduction] : gathering.others())
    welcomes[rank].hosts = hosts;
  gathering.welcome(welcomes, FileDescriptor());
  return {hosts, gathering.takeConnections()};
}

std::pair<std::vector<std::string>, std::map<int, FileDescriptor>>
join(const Introduction &self, MeetingPlace &place, double timeoutSeconds) {
  Joining joining(self, place, timeoutSeconds);
  std::map<int, FileDescriptor> connections;
  connections.emplace(0, std::move(joining.connection));
  return {joining.welcome.hosts, std::move(connections)};
}
} // namespace

std::unique_ptr<Communicator> connectTcp(int rank, int size, const NetworkAddress &where,
                                         const std::string &jobKey,
                                         const CommunicatorOptions &options) {
  Introduction self = Introduction::ofThisProcess(rank, SegmentSizes(size, options), options);
  std::unique_ptr<MeetingPlace> place = placeOnNetwork(where, jobKey);
  auto [hosts, connections] = rank == 0 ? gather(self, *place, options.timeoutSeconds)
                                        : join(self, *place, options.timeoutSeconds);
  for (auto &[peer, connection] : connections)
    limitSilence(rank, connection, options.timeoutSeconds);
  return std::make_unique<TcpCommunicator>(rank, hosts, std::move(connections),
                                           options.timeoutSeconds);
}

} // namespace tpc::runtime
