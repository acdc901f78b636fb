#include "Measure.h"
#include "IO/AsideFile.h"
#include "Measure/Measure.h"

#include <cstdio>
#include <optional>
#include <unistd.h>

namespace tpc::runtime {
namespace {

/// A line that renews itself on a terminal, a line each elsewhere; on standard error.
void showProgress(const std::string &text) {
  std::fprintf(stderr, isatty(STDERR_FILENO) ? "\r%s\033[K" : "%s\n", text.c_str());
}

void measure(tpc_context &context, const std::string &output) {
  bool speaks = context.rank() == 0;
  std::optional<AsideFile> file;
  if (speaks && !output.empty())
    file.emplace(output, 0); // said before any work is done
  context.communicator->barrier();
  std::string yaml = toYaml(measureMachine(context, [&](const std::string &text) {
    if (speaks)
      showProgress(text);
  }));
  if (speaks && isatty(STDERR_FILENO))
    std::fprintf(stderr, "\r\033[K");
  if (file) {
    file->write(0, yaml.data(), yaml.size());
    file->commit();
  } else if (speaks) {
    std::printf("%s", yaml.c_str());
  }
}

} // namespace

int runMeasurement(const RankInfo &info, const std::string &communicator, int threadsPerRank,
                   double timeoutSeconds, const std::string &output) {
  std::unique_ptr<Communicator> connected;
  try {
    CommunicatorOptions options;
    options.regionBytes = kMeasureRegionBytes;
    options.timeoutSeconds = timeoutSeconds;
    connected = connect(info, parseCommunicatorKind(communicator), options);
  } catch (const std::exception &error) {
    return reportFailure(error, nullptr);
  }
  Mesh mesh;
  mesh.axes.push_back({"measured", info.size});
  tpc_context context(mesh, {}, std::move(connected));
  try {
    context.threads = tpc::runtime::threadsPerRank(threadsPerRank, processEnvironment(),
                                                   context.communicator->fairThreads());
    measure(context, output);
    context.communicator->finish();
  } catch (const std::exception &error) {
    return reportFailure(error, context.communicator.get());
  }
  return 0;
}

} // namespace tpc::runtime
