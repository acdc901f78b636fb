// A stand-in for a compiled program: a mesh, collectives, and ways to misbehave. Run by the tests
// of launchers.
//   RankProgram COMM BEHAVIOUR [TIMEOUT]      RankProgram --print-manifest
#include "Reference.h"
#include "tpc/runtime/Launch.h"
#include <csignal>
#include <cstdio>
#include <unistd.h>

using namespace tpc::runtime;
using namespace tpc::runtime::test;

namespace {
void misbehave(const std::string &behaviour, Communicator &communicator) {
  if (behaviour == "all-fail")
    throw Error("token 99 is not in the vocabulary");
  if (communicator.rank() != communicator.size() - 1)
    return;
  if (behaviour == "die")
    raise(SIGKILL);
  if (behaviour == "stall")
    sleep(30);
  if (behaviour == "fail")
    throw Error(communicator.rank() == 0 ? "alone" : "the last rank is out of disk space");
}

std::string run(const std::string &behaviour, Communicator &communicator,
                const std::vector<Collective> &cases) {
  if (behaviour == "values")
    return checkAll(communicator, cases);
  communicator.barrier();
  misbehave(behaviour, communicator);
  if (behaviour == "hang") {
    std::printf("ready\n");
    std::fflush(stdout);
    sleep(30);
  }
  if (behaviour == "threads" && communicator.rank() == 0)
    std::printf("threads %d\n",
                threadsPerRank(0, processEnvironment(), communicator.fairThreads()));
  communicator.barrier();
  return "";
}
} // namespace

int main(int count, char **arguments) {
  std::string first = count > 1 ? arguments[1] : "";
  if (first == "--print-manifest") {
    std::printf("{\"tpc_manifest\": 1, \"mesh\": {\"axes\": [{\"name\": \"tp\", \"size\": 2}]}}\n");
    return 0;
  }
  std::string behaviour = count > 2 ? arguments[2] : "values";
  std::unique_ptr<Communicator> communicator;
  try {
    RankInfo info = discoverRank(processEnvironment());
    if (behaviour == "mesh")
      checkWorldSize(info, Mesh{{{"dp", 1}, {"tp", 2}}}, "./llama");
    if (behaviour == "early" && info.rank == 1)
      return 3;
    CommunicatorOptions options;
    options.collectives = allCases(info.size);
    options.regionBytes = regionBytesFor(options.collectives);
    options.timeoutSeconds = count > 3 ? std::stod(arguments[3]) : 20;
    if (behaviour == "differ")
      options.identity = {{"data file", info.rank == 0 ? "a.txt" : "b.txt"}};
    communicator = connect(info, parseCommunicatorKind(first), options);
    std::string mistake = run(behaviour, *communicator, options.collectives);
    if (!mistake.empty())
      throw Error(mistake);
    communicator->finish();
    if (info.rank == 0)
      std::printf("finished %d ranks over %s\n", info.size, communicator->name());
  } catch (const std::exception &error) {
    return reportFailure(error, communicator.get());
  }
  return 0;
}
