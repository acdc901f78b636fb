// tpc-run: starts the ranks of a compiled program on this host and watches them.
#include "Launch/RankProcesses.h"
#include "Measure.h"
#include "tpc/runtime/Context.h"
#include "tpc/runtime/Launch.h"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

using namespace tpc::runtime;

namespace {
struct Options {
  int ranks = 0;
  int threadsPerRank = 0;
  double timeoutSeconds = 0;
  std::string communicator;
  bool measure = false;
  std::string output;
  std::vector<std::string> command;
};

/// The number of ranks that the program was compiled for. A compiled program that cannot tell it
/// says why itself.
int ranksOf(const std::string &program) {
  Output output = outputOf({program, "--print-manifest"});
  std::string said = output.errors.substr(0, output.errors.find('\n'));
  const std::string prefix = "error: ";
  if (WIFEXITED(output.status) && WEXITSTATUS(output.status) == 1 && said.rfind(prefix, 0) == 0)
    throw Error(said.substr(prefix.size()));
  nlohmann::json manifest = nlohmann::json::parse(output.text, nullptr, /*allow_exceptions=*/false);
  if (output.status != 0 || manifest.is_discarded())
    throw Error("'" + program + "' is no program compiled by tpc-compile" +
                (said.empty() ? "" : ", it says '" + said + "'") +
                ": give the number of ranks with -n");
  return static_cast<int>(parseMesh(manifest).size());
}

RankProcesses::Variables variablesFor(const Options &options) {
  RankProcesses::Variables variables;
  if (options.threadsPerRank)
    variables.emplace_back("TPC_THREADS_PER_RANK", std::to_string(options.threadsPerRank));
  if (options.timeoutSeconds > 0)
    variables.emplace_back("TPC_TIMEOUT", CLI::detail::to_string(options.timeoutSeconds));
  if (!options.communicator.empty())
    variables.emplace_back("TPC_COMM", options.communicator);
  return variables;
}

/// Starts `ranks` processes of `command` and waits for them.
int start(const std::vector<std::string> &command, int ranks, const Options &options) {
  RankProcesses processes(command, ranks, variablesFor(options));
  int status = processes.supervise();
  if (std::string complaint = processes.complaint(); !complaint.empty())
    throw Error(complaint);
  if (!processes.message().empty())
    printError(processes.message());
  return status;
}

/// As a rank if a launcher started this process, else with ranks that are processes of this
/// program.
int measure(const Options &options, const std::vector<std::string> &arguments) {
  RankInfo info = discoverRank(processEnvironment());
  if (info.launcher == Launcher::None) {
    std::vector<std::string> command = {"/proc/self/exe"};
    command.insert(command.end(), arguments.begin() + 1, arguments.end());
    return start(command, options.ranks ? options.ranks : 2, options);
  }
  return runMeasurement(info, options.communicator.empty() ? "auto" : options.communicator,
                        options.threadsPerRank,
                        options.timeoutSeconds > 0 ? options.timeoutSeconds : 60, options.output);
}

int run(const Options &options, const std::vector<std::string> &arguments) {
  if (options.measure && !options.command.empty())
    throw Error("--measure runs no program, got '" + options.command[0] + "'");
  if (options.measure)
    return measure(options, arguments);
  if (!options.output.empty())
    throw Error("-o is the file that --measure writes");
  if (options.command.empty())
    throw Error("no program given; usage: tpc-run [-n RANKS] PROGRAM [its arguments]");
  int ranks = options.ranks ? options.ranks : ranksOf(options.command[0]);
  return start(options.command, ranks, options);
}
} // namespace

int main(int count, char **arguments) {
  CLI::App app("Starts the ranks of a program compiled by tpc-compile on this host:\n"
               "tpc-run [-n RANKS] [options] PROGRAM [the program's options]\n"
               "tpc-run [-n RANKS] [options] --measure [-o machine.yaml]",
               "tpc-run");
  Options options;
  app.add_option("-n,--ranks", options.ranks, "Number of ranks (default: the mesh of the program)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--threads-per-rank", options.threadsPerRank,
                 "Threads of each rank (default: OMP_NUM_THREADS, SLURM_CPUS_PER_TASK, or a fair "
                 "share of the cores)")
      ->check(CLI::Range(1, TPC_MAX_THREADS));
  app.add_option("--timeout", options.timeoutSeconds,
                 "Seconds to wait for a rank that makes no progress (default: 60)")
      ->check(CLI::PositiveNumber);
  app.add_option("--comm", options.communicator, "How ranks communicate (default: auto)")
      ->check(CLI::IsMember({"auto", "shm", "mpi", "tcp"}));
  app.add_flag(
      "--measure", options.measure,
      "Measure processors, memory and links for tpc-compile --machine (2 ranks without -n)");
  app.add_option("-o", options.output,
                 "With --measure: the file to write (default: standard output)");
  app.prefix_command();
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success &help) {
    return app.exit(help);
  } catch (const CLI::ParseError &error) {
    std::fprintf(stderr, "tpc-run: error: %s\n", error.what());
    return 1;
  }
  options.command = app.remaining();
  try {
    return run(options, {arguments, arguments + count});
  } catch (const std::exception &error) {
    std::fprintf(stderr, "tpc-run: error: %s\n", error.what());
    return 1;
  }
}
