#include "Measure.h"
#include "Measure/Measure.h"

namespace tpc::runtime {
int runMeasurement(const RankInfo &info, const std::string &communicator, int threadsPerRank,
                   double timeoutSeconds, const std::string &output) {
  std::unique_ptr<Communicator> connected;
  try {
    CommunicatorOptions options;
    options.regionBytes = kMeasureRegionBytes;
    options.collectives = measuredCollectives(info.size);
    options.timeoutSeconds = timeoutSeconds;
    connected = connect(info, parseCommunicatorKind(communicator), options);
  } catch (const std::exception &error) {
    return reportFailure(error, nullptr);
  }
  Mesh mesh;
  mesh.axes.push_back({"measured", info.size});
  tpc_context context(mesh, measuredCollectives(info.size), std::move(connected));
  try {
    context.threads = tpc::runtime::threadsPerRank(threadsPerRank, processEnvironment(),
                                                   context.communicator->fairThreads());
    writeMeasurement(context, "tpc-run --measure", output);
    context.communicator->finish();
  } catch (const std::exception &error) {
    return reportFailure(error, context.communicator.get());
  }
  return 0;
}

} // namespace tpc::runtime
