#include "Cores.h"
#include "DirectCommunicator.h"

namespace tpc::runtime {

namespace {
class InProcessCommunicator final : public DirectCommunicator {
public:
  InProcessCommunicator(int rank, std::shared_ptr<Segment> segment,
                        const CommunicatorOptions &options, int spins)
      : DirectCommunicator(rank, std::move(segment), options, /*everythingVisible=*/true, spins) {}
  const char *name() const override { return "in-process"; }
};
} // namespace

std::vector<std::unique_ptr<Communicator>>
createInProcessCommunicators(int size, const CommunicatorOptions &options) {
  std::shared_ptr<Segment> segment = Segment::createPrivate(SegmentSizes(size, options));
  int spins = spinsFor(size, static_cast<double>(CoreSet::ofThisProcess().cores.size()));
  std::vector<std::unique_ptr<Communicator>> result;
  for (int rank = 0; rank < size; ++rank)
    result.push_back(std::make_unique<InProcessCommunicator>(rank, segment, options, spins));
  return result;
}

} // namespace tpc::runtime
