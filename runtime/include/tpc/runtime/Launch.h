// Finding out which rank this process is, how to reach the others and how many threads to use.
#ifndef TPC_RUNTIME_LAUNCH_H
#define TPC_RUNTIME_LAUNCH_H

#include "tpc/runtime/Communicator.h"
#include "tpc/runtime/Context.h"
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tpc::runtime {

enum class Launcher { None, TpcRun, OpenMpi, Torchrun, Pmi, Slurm };

/// "tpc-run", "Open MPI's mpirun", ...
const char *toString(Launcher launcher);

/// Looks up an environment variable; null if unset. `std::getenv` outside tests.
using Environment = std::function<const char *(const char *name)>;
Environment processEnvironment();

/// This process' place in the job.
struct RankInfo {
  Launcher launcher = Launcher::None;
  int rank = 0, size = 1;           ///< in the whole job
  int localRank = 0, localSize = 1; ///< on this host
  std::string jobKey;               ///< the same on all ranks of the job, another for every job
  NetworkAddress meeting;           ///< where ranks on several hosts meet, as far as it is known
  bool oneHost() const { return localSize == size; }
};

/// Reads the variables of the launchers in the order of `Launcher`; the first one that is there
/// wins. Without any the process is alone. Throws Error for variables that contradict each other or
/// are no numbers.
RankInfo discoverRank(const Environment &environment);

/// For mistakes that every rank finds by itself before it knows of the others: throws Error on one
/// rank of each host and RelayedError on the others.
[[noreturn]] void failTogether(const RankInfo &info, const std::string &text);

/// Fails together with the command to use if the job has not as many ranks as the mesh.
/// `program` is the executable's name as the user typed it.
void checkWorldSize(const RankInfo &info, const Mesh &mesh, const std::string &program);

enum class CommunicatorKind { Auto, SharedMemory, Mpi, Tcp, Loopback };
/// "auto", "shm", "mpi", "tcp", "loopback"; throws Error naming the choices.
CommunicatorKind parseCommunicatorKind(const std::string &text);

/// The file of a URL as in file:///shared/job; throws Error if it is no such URL.
std::string parseRendezvous(const std::string &url);

/// Connects to the other ranks: if `kind` is Auto, by shared memory where all ranks are on one
/// host, else over TCP if it is known where they meet or the launcher speaks no MPI, else over MPI.
/// Loopback has its ranks in one process (createInProcessCommunicators) and is refused here.
std::unique_ptr<Communicator> connect(const RankInfo &info, CommunicatorKind kind,
                                      const CommunicatorOptions &options);

/// The variable in which tpc-run tells its ranks the pipe that takes their messages, so that it can
/// print one for the whole job: "FILE DESCRIPTOR:INODE".
constexpr const char *kReportPipe = "TPC_REPORT_PIPE";

/// Prints "error: MESSAGE" to standard error, or leaves that to tpc-run.
void printError(const std::string &message);

/// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT, unless they are ignored, end this process with
/// a message and the exit status 1. For a process that no launcher watches.
void endOnSignals();

/// What main does with a failure: tells the other ranks, prints "error: TEXT" by printError() on
/// exactly one rank of the job, and returns the exit status 1. TEXT is that of the job's first
/// failure. `communicator` is null if connect() failed.
int reportFailure(const std::exception &error, Communicator *communicator);

/// Threads of a rank: `requested` if positive, else TPC_THREADS_PER_RANK (set by tpc-run), else
/// OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else `fair` (Communicator::fairThreads()). The last
/// three are cut to TPC_MAX_THREADS; a larger or unreadable explicit number is an Error.
int threadsPerRank(int requested, const Environment &environment, int fair);

/// The fair share of threads, before the ranks have met: as if `ranks` ranks on this host all had
/// this process' cores.
int expectedFairThreads(int ranks);

} // namespace tpc::runtime

#endif
