#include "Cores.h"
#include "DirectCommunicator.h"

namespace tpc::runtime {

namespace {
class InProcessCommunicator final : public DirectCommunicator {
public:
  InProcessCommunicator(int rank, std::shared_ptr<Segment> segment,
                        const CommunicatorOptions &options, int spins, int threads)
      : DirectCommunicator(rank, std::move(segment), options, /*everythingVisible=*/true, spins),
        threads(threads) {}
  const char *name() const override { return "in-process"; }
  int fairThreads() const override { return threads; }

private:
  const int threads;
};
} // namespace

std::vector<std::unique_ptr<Communicator>>
createInProcessCommunicators(int size, const CommunicatorOptions &options) {
  std::shared_ptr<Segment> segment = Segment::createPrivate(SegmentSizes(size, options));
  CoreSet cores = CoreSet::ofThisProcess();
  int spins = spinsFor(size, static_cast<double>(cores.cores.size()));
  std::vector<CoreSet> masks(size, cores);
  std::vector<std::unique_ptr<Communicator>> result;
  for (int rank = 0; rank < size; ++rank)
    result.push_back(std::make_unique<InProcessCommunicator>(
        rank, segment, options, spins, fairShare(masks, rank, cgroupCores())));
  return result;
}

} // namespace tpc::runtime
