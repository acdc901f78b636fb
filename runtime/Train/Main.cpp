#include "Train/Main.h"
#include "IO/Digest.h"
#include "IO/MappedFile.h"
#include "Measure/Measure.h"
#include "Memory/Limit.h"
#include "Train/CpuCheck.h"
#include "Train/Describe.h"
#include "Train/OutputPaths.h"
#include "Train/Peak.h"
#include "Train/Training.h"
#include "tpc/runtime/Launch.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

namespace tpc::runtime {
namespace {

/// A hash of the executable file: ranks must run the same one.
std::string executableIdentity() {
  MappedFile file("/proc/self/exe");
  return std::to_string(file.size()) + " bytes, hash " +
         std::to_string(digestOf(file.data(), file.size(), 0));
}

/// What was asked for instead of a run: the first rank says it. Returns the exit code.
int answer(const RankInfo &info, const std::string &text) {
  if (info.rank != 0)
    return 0;
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0)
    return 0;
  printError(std::string("cannot write to standard output: ") + std::strerror(errno));
  return 1;
}

/// Makes of a program one that does nothing but be measured.
void prepareMeasurement(Manifest &manifest) {
  manifest.collectives = measuredCollectives(static_cast<int>(manifest.mesh.size()));
  manifest.privateBytes = 0;
  manifest.communicationBytes = kMeasureRegionBytes;
  manifest.peak = {{"communication", manifest.communicationBytes}};
}

/// The part of the work that a rank does together with the others. `program` is where it is kept:
/// whoever has a failure to report does so before its memory goes, which other ranks may wait for.
void runRank(const tpc_program &compiled, const Manifest &manifest, const Options &options,
             tpc_context &context, std::optional<Program> &program) {
  if (context.rank() == 0)
    checkOutputPaths(options);
  if (!options.measure.empty())
    return writeMeasurement(context, "--measure", options.measure);
  // Before the program's memory is counted: the libraries take theirs when they are first used.
  double peak = 0;
  if (manifest.train && options.steps > 0) {
    context.device->warmUp();
    peak = manifest.peakFlops > 0 ? manifest.peakFlops * context.world()
                                  : measurePeak(context, manifest.bf16);
  }
  program.emplace(compiled, manifest, context);
  if (manifest.train)
    train(*program, options, peak);
  else if (!options.outputs.empty())
    runEntry(*program, options);
  else
    runForward(*program, options);
}

/// `regionBytes`: of the memory that collectives work in.
CommunicatorOptions communicatorOptions(const Manifest &manifest, const Options &options,
                                        size_t regionBytes) {
  CommunicatorOptions wanted;
  wanted.regionBytes = regionBytes;
  wanted.packingBytes = static_cast<size_t>(manifest.packingBytes);
  wanted.collectives = manifest.collectives;
  wanted.timeoutSeconds = options.timeout;
  wanted.identity = {{"executable", executableIdentity()}};
  wanted.identity.insert(wanted.identity.end(), options.together.begin(), options.together.end());
  return wanted;
}

/// A device has a region of its own.
size_t hostRegionBytes(const tpc_program &compiled, const Manifest &manifest) {
  return compiled.backend->isHost() ? static_cast<size_t>(manifest.communicationBytes) : 0;
}

/// The threads of a rank as far as they are known before the ranks have met.
int expectedThreads(const Options &options, int64_t ranksOnHost) {
  return threadsPerRank(options.threadsPerRank, processEnvironment(),
                        expectedFairThreads(static_cast<int>(ranksOnHost)));
}

/// Gives a rank what its program is compiled for. After connecting: what one rank finds missing
/// ends all of them.
void openDevice(const tpc_program &compiled, const Manifest &manifest, const Options &options,
                const DevicePlace &place, tpc_context &context) {
  DeviceOptions wanted;
  wanted.arch = manifest.arch, wanted.place = place, wanted.batch = manifest.batch;
  wanted.arenaBytes = manifest.arenaBytes(context.threads);
  wanted.memory = manifest.peak;
  wanted.memory.emplace_back("workspace", manifest.workspaceBytesPerThread);
  wanted.deterministic = options.deterministic;
  wanted.collectives = manifest.collectives;
  wanted.products = manifest.flopsPerStep > 0;
  wanted.bf16HeadLength = manifest.bf16 ? manifest.headLength : 0;
  context.device = compiled.backend->open(wanted);
  if (compiled.backend->isHost())
    return;
  CommunicatorOptions ranks =
      communicatorOptions(manifest, options, static_cast<size_t>(manifest.communicationBytes));
  ranks.sharedDevices = place.sharing != DevicePlace::None;
  compiled.backend->connect(*context.device, context.communicator, ranks);
}

/// Runs, and leaves in good order; a failure is told to all ranks and printed by one.
int runConnected(const tpc_program &compiled, const Manifest &manifest, const Options &options,
                 const DevicePlace &place, std::unique_ptr<Communicator> connected) {
  tpc_context context(manifest.mesh, manifest.collectives, std::move(connected), nullptr);
  std::optional<Program> program;
  try {
    // One thread drives a GPU.
    int threads = threadsPerRank(options.threadsPerRank, processEnvironment(),
                                 context.communicator->fairThreads());
    context.threads = compiled.backend->isHost() ? threads : 1;
    openDevice(compiled, manifest, options, place, context);
    runRank(compiled, manifest, options, context, program);
    context.communicator->finish();
    return 0;
  } catch (const std::exception &error) {
    Communicator &ranks = *context.communicator;
    if (!ranks.failed())
      context.fail(error.what());
    if (ranks.claimReport())
      printError(ranks.failure());
    return 1;
  }
}

/// This process is one rank of the job.
int runProcess(const tpc_program &compiled, const Manifest &manifest, const Options &options,
               const RankInfo &info) {
  std::unique_ptr<Communicator> connected;
  try {
    CommunicatorOptions wanted =
        communicatorOptions(manifest, options, hostRegionBytes(compiled, manifest));
    wanted.hostSideOnly = !compiled.backend->isHost();
    connected = connect(info, parseCommunicatorKind(options.communicator), wanted);
  } catch (const std::exception &error) {
    return reportFailure(error, nullptr);
  }
  DevicePlace place{info.localRank, info.localSize,
                    options.shareGpu ? DevicePlace::RoundRobin : DevicePlace::None};
  return runConnected(compiled, manifest, options, place, std::move(connected));
}

/// All ranks are threads of this process.
int runThreads(const tpc_program &compiled, const Manifest &manifest, const Options &options) {
  auto communicators = createInProcessCommunicators(
      static_cast<int>(manifest.mesh.size()),
      communicatorOptions(manifest, options, hostRegionBytes(compiled, manifest)));
  DevicePlace place{0, static_cast<int>(manifest.mesh.size()), DevicePlace::First};
  std::atomic<int> status = 0;
  std::vector<std::thread> threads;
  for (std::unique_ptr<Communicator> &communicator : communicators)
    threads.emplace_back([&, connected = std::move(communicator)]() mutable {
      if (int failed = runConnected(compiled, manifest, options, place, std::move(connected)))
        status = failed;
    });
  for (std::thread &thread : threads)
    thread.join();
  return status;
}

/// Whether this process is the whole job: with a launcher, --comm loopback is refused by connect().
bool isLoopback(const Options &options, const RankInfo &info) {
  return parseCommunicatorKind(options.communicator) == CommunicatorKind::Loopback &&
         info.size == 1;
}

void checkGraph(const tpc_program &compiled, const Options &options, bool loopback) {
  if (options.cudaGraph && compiled.backend->isHost())
    throw Error("--cuda-graph is for a program for a GPU: compile with --target=cuda");
  if (options.cudaGraph && loopback)
    throw Error("--cuda-graph and --comm loopback exclude each other: a graph is of one rank, and "
                "these ranks' streams wait for each other");
}

} // namespace

int runProgram(int argc, const char *const *argv, const tpc_program &compiled) {
  std::signal(SIGXFSZ, SIG_IGN); // a file that grows too large is an error with a message
  std::signal(SIGPIPE, SIG_IGN);
  RankInfo info;
  try {
    info = discoverRank(processEnvironment());
    std::string text(compiled.manifest, static_cast<size_t>(compiled.manifest_bytes));
    Manifest manifest = parseManifest(text);
    Options options = parseOptions(argc, argv, manifest.train);
    if (!options.rendezvous.empty())
      info.meeting.file = parseRendezvous(options.rendezvous);
    if (options.describe)
      return answer(info, describe(manifest, expectedThreads(
                                                 options, static_cast<int>(manifest.mesh.size()))) +
                              "\n");
    if (options.printManifest)
      return answer(info, text + "\n");
    if (!options.measure.empty())
      prepareMeasurement(manifest);
    if (info.launcher == Launcher::None)
      endOnSignals();
    checkCpu(manifest.cpu, manifest.cpuFeatures, processorFlags());
    bool loopback = isLoopback(options, info);
    checkGraph(compiled, options, loopback);
    int localRanks = loopback ? static_cast<int>(manifest.mesh.size()) : info.localSize;
    if (!loopback)
      checkWorldSize(info, manifest.mesh, argv[0]);
    if (compiled.backend->isHost())
      checkMemory(manifest.arenaBytes(expectedThreads(options, localRanks)), localRanks,
                  availableMemory());
    return loopback ? runThreads(compiled, manifest, options)
                    : runProcess(compiled, manifest, options, info);
  } catch (const HelpAsked &help) {
    return answer(info, help.what());
  } catch (const std::exception &error) {
    // Before ranks know of each other all fail alike: one of each host speaks.
    if (info.localRank == 0)
      printError(error.what());
    return 1;
  }
}

} // namespace tpc::runtime
