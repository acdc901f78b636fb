#include "Cores.h"
#include "DirectCommunicator.h"
#include "PeerWatch.h"
#include "Rendezvous.h"
#include "UnixSocket.h"
#include <fcntl.h>
#include <sys/mman.h>

namespace tpc::runtime {

namespace {
class SharedMemoryCommunicator final : public DirectCommunicator {
public:
  SharedMemoryCommunicator(int rank, std::shared_ptr<Segment> segment,
                           const CommunicatorOptions &options, const Welcome &welcome,
                           std::map<int, FileDescriptor> connections)
      : DirectCommunicator(rank, std::move(segment), options, /*everythingVisible=*/false,
                           welcome.spins),
        threads(welcome.fairThreads),
        watch(rank, std::move(connections),
              {[this](int peer, const Message &message) { return hear(peer, message); },
               [this](const std::string &reason) { board().fail(reason); }}) {}
  ~SharedMemoryCommunicator() override { abandon(); } // before the connections close

  const char *name() const override { return "shm"; }
  int fairThreads() const override { return threads; }
  void finish() override {
    DirectCommunicator::finish();
    watch.sendAll("goodbye"); // from now on the end of a connection is no failure
  }

private:
  bool hear(int peer, const Message &message) {
    if (message.kind == Message::Kind::Closed)
      board().fail(obituary(peer));
    return false;
  }

  std::string obituary(int peer) const {
    const BoardRank &line = board().rank(peer);
    return board().describe(peer) + " (process " + std::to_string(line.pid) + ") died after " +
           describeOperation(line.position);
  }

  const int threads;
  PeerWatch watch;
};

/// Anonymous shared memory: no name, no limit but the machine's (or control group's) memory, gone
/// with its last process.
FileDescriptor createSegmentFile(int rank, size_t bytes) {
  FileDescriptor file(memfd_create("tpc-segment", MFD_CLOEXEC));
  if (!file.valid())
    throwErrno(rank, "create shared memory");
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    throwErrno(rank, "size shared memory to " + std::to_string(bytes) + " bytes");
  return file;
}

std::shared_ptr<Segment> mapSegment(int rank, const SegmentSizes &sizes,
                                    const FileDescriptor &file) {
  size_t bytes = Segment::bytes(sizes);
  void *base =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.get(), 0);
  if (base == MAP_FAILED)
    throwErrno(rank, "map " + std::to_string(bytes) + " bytes of shared memory");
  return std::make_shared<Segment>(sizes, static_cast<char *>(base));
}

std::map<int, Welcome> makeWelcomes(const Introduction &self,
                                    const std::map<int, Introduction> &others) {
  std::vector<CoreSet> masks{self.cores};
  for (auto &[rank, introduction] : others)
    masks.push_back(introduction.cores);
  double limit = cgroupCores();
  int spins = spinsFor(self.size, sharedCores(masks, limit));
  std::map<int, Welcome> welcomes;
  for (int rank = 0; rank < self.size; ++rank)
    welcomes[rank] = {spins, fairShare(masks, rank, limit), {}};
  return welcomes;
}

std::unique_ptr<Communicator> connectFirst(const Introduction &self, const SegmentSizes &sizes,
                                           const std::string &jobKey,
                                           const CommunicatorOptions &options) {
  std::unique_ptr<MeetingPlace> place = placeOnThisHost(jobKey);
  Gathering gathering(self, *place, options.timeoutSeconds);
  std::map<int, Welcome> welcomes = makeWelcomes(self, gathering.others());
  FileDescriptor file = createSegmentFile(0, Segment::bytes(sizes));
  std::shared_ptr<Segment> segment = mapSegment(0, sizes, file);
  segment->board().reset(sizes.ranks);
  for (auto &[rank, introduction] : gathering.others())
    signBoard(segment->board(), rank, introduction.pid, introduction.host);
  gathering.welcome(welcomes, file);
  return std::make_unique<SharedMemoryCommunicator>(0, segment, options, welcomes.at(0),
                                                    gathering.takeConnections());
}

std::unique_ptr<Communicator> connectOther(const Introduction &self, const SegmentSizes &sizes,
                                           const std::string &jobKey,
                                           const CommunicatorOptions &options) {
  std::unique_ptr<MeetingPlace> place = placeOnThisHost(jobKey);
  Joining joining(self, *place, options.timeoutSeconds);
  std::map<int, FileDescriptor> connections;
  connections.emplace(0, std::move(joining.connection));
  return std::make_unique<SharedMemoryCommunicator>(
      self.rank, mapSegment(self.rank, sizes, joining.segment), options, joining.welcome,
      std::move(connections));
}
} // namespace

std::unique_ptr<Communicator> connectSharedMemory(int rank, int size, const std::string &jobKey,
                                                  const CommunicatorOptions &options) {
  SegmentSizes sizes(size, options);
  if (size == 1)
    return std::make_unique<SharedMemoryCommunicator>(
        0, Segment::createPrivate(sizes), options,
        Welcome{0, fairShare({CoreSet::ofThisProcess()}, 0, cgroupCores()), {}},
        std::map<int, FileDescriptor>());
  Introduction self = Introduction::ofThisProcess(rank, sizes, options);
  return rank == 0 ? connectFirst(self, sizes, jobKey, options)
                   : connectOther(self, sizes, jobKey, options);
}

} // namespace tpc::runtime
