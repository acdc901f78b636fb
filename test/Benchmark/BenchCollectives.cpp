// Microseconds of every collective over shared memory, beside what the memory allows.
//   bench_collectives [RANKS]
// Started by mpirun it measures the MPI communicator instead, if its argument is "mpi".
#include "Comm/StreamingCopy.h"
#include "tpc/runtime/Launch.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace tpc::runtime;

namespace {
double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int64_t kSizes[] = {4 << 10, 1 << 20, 16 << 20};
constexpr size_t kRegionBytes = 64 << 20;

/// The f32 collective whose larger side, input or output, has `bytes` bytes.
Collective make(CollectiveOp op, int64_t bytes, int ranks) {
  Collective collective;
  collective.op = op;
  collective.groups.emplace_back();
  for (int rank = 0; rank < ranks; ++rank)
    collective.groups[0].push_back(rank);
  int64_t large = bytes / 4 / ranks * ranks, small = large / ranks;
  switch (op) {
  case CollectiveOp::AllReduce:
    collective.operands = {{{large}, {large}}};
    break;
  case CollectiveOp::AllGather:
    collective.operands = {{{small}, {large}}};
    break;
  case CollectiveOp::ReduceScatter:
    collective.operands = {{{large}, {small}}};
    break;
  case CollectiveOp::AllToAll:
    collective.concatDim = 1;
    collective.operands = {{{ranks, small}, {1, large}}};
    break;
  case CollectiveOp::Permute:
    collective.pairs = {{0, 1}, {1, 0}};
    collective.operands = {{{large}, {large}}};
    break;
  }
  return collective;
}

/// Bytes that all ranks together read and write at least.
double traffic(const Collective &collective, int ranks) {
  double in = static_cast<double>(collective.operands[0].inputElements()) * 4;
  double out = static_cast<double>(collective.operands[0].outputElements()) * 4;
  switch (collective.op) {
  case CollectiveOp::ReduceScatter:
  case CollectiveOp::AllReduce: // every input is read once, every output written once
  case CollectiveOp::Permute:
  case CollectiveOp::AllToAll:
    return ranks * (in + out);
  case CollectiveOp::AllGather: // every output is read from somewhere
    return ranks * 2 * out;
  }
  return 0;
}

/// Seconds of one run: the median of several, as the slowest rank sees it.
double measure(Communicator &communicator, const Collective &collective) {
  char *region = communicator.region();
  bool inPlace = collective.op == CollectiveOp::AllReduce;
  char *inputs[] = {region}, *outputs[] = {inPlace ? region : region + kRegionBytes / 2};
  int64_t bytes = collective.operands[0].inputElements() * 4;
  int repeats = bytes < 100'000 ? 2000 : bytes < 4'000'000 ? 200 : 10;
  std::vector<double> times;
  for (int sample = 0; sample < 7; ++sample) {
    communicator.barrier();
    double begin = now();
    for (int repeat = 0; repeat < repeats; ++repeat)
      communicator.run(collective, inputs, outputs);
    times.push_back((now() - begin) / repeats);
  }
  std::sort(times.begin(), times.end());
  double median = times[times.size() / 2];
  std::vector<double> all(communicator.size());
  communicator.gatherHost(&median, sizeof(median), all.data());
  return *std::max_element(all.begin(), all.end());
}

/// Bytes per second that all ranks copying at once read and write together.
double memoryBandwidth(Communicator &communicator) {
  double best = 0;
  for (int sample = 0; sample < 5; ++sample) {
    communicator.barrier();
    double begin = now();
    streamingCopy(communicator.region() + kRegionBytes / 2, communicator.region(),
                  kRegionBytes / 2);
    finishStreaming();
    communicator.barrier();
    best =
        std::max(best, static_cast<double>(kRegionBytes) * communicator.size() / (now() - begin));
  }
  return best;
}

void bench(Communicator &communicator) {
  int ranks = communicator.size();
  std::memset(communicator.region(), 0, kRegionBytes);
  double bandwidth = memoryBandwidth(communicator);
  bool speaks = communicator.rank() == 0;
  if (speaks)
    std::printf("%d ranks over %s, memory %.1f GB/s; microseconds (limit of the memory)\n%-16s "
                "%16s %16s %16s\n",
                ranks, communicator.name(), bandwidth * 1e-9, "", "4 KB", "1 MB", "16 MB");
  for (CollectiveOp op :
       {CollectiveOp::AllReduce, CollectiveOp::AllGather, CollectiveOp::ReduceScatter,
        CollectiveOp::AllToAll, CollectiveOp::Permute}) {
    std::string line;
    for (int64_t bytes : kSizes) {
      Collective collective = make(op, bytes, ranks);
      char text[64];
      std::snprintf(text, sizeof(text), " %8.1f (%5.1f)", measure(communicator, collective) * 1e6,
                    traffic(collective, ranks) / bandwidth * 1e6);
      line += text;
    }
    if (speaks)
      std::printf("%-16s %s\n", toString(op), line.c_str());
  }
}

int runRank(const RankInfo &info, CommunicatorKind kind) {
  std::unique_ptr<Communicator> communicator;
  try {
    CommunicatorOptions options;
    options.regionBytes = kRegionBytes;
    communicator = connect(info, kind, options);
    bench(*communicator);
    communicator->finish();
  } catch (const std::exception &error) {
    return reportFailure(error, communicator.get());
  }
  std::fflush(stdout);
  return 0;
}

/// Forks the other ranks and is rank 0.
int runAll(int ranks) {
  RankInfo info;
  info.launcher = Launcher::TpcRun;
  info.size = info.localSize = ranks;
  info.jobKey = "bench/" + std::to_string(getpid());
  for (int rank = 1; rank < ranks; ++rank)
    if (fork() == 0) {
      info.rank = info.localRank = rank;
      _exit(runRank(info, CommunicatorKind::SharedMemory));
    }
  int status = runRank(info, CommunicatorKind::SharedMemory);
  while (wait(nullptr) > 0) {
  }
  return status;
}
} // namespace

int main(int count, char **arguments) {
  if (count > 1 && std::string(arguments[1]) == "mpi")
    return runRank(discoverRank(processEnvironment()), CommunicatorKind::Mpi);
  return runAll(count > 1 ? std::atoi(arguments[1]) : 2);
}
