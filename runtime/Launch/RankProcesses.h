// The processes of a job on this host, started and watched by tpc-run.
#ifndef TPC_RUNTIME_LAUNCH_RANKPROCESSES_H
#define TPC_RUNTIME_LAUNCH_RANKPROCESSES_H

#include "Comm/FileDescriptor.h"
#include <chrono>
#include <csignal>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace tpc::runtime {

/// How a process ended, and what it said.
struct Output {
  int status = 0; ///< as from waitpid()
  std::string text, errors;
};

/// Runs `command` and returns its wait status, standard output and standard error. Throws Error if
/// it cannot be executed.
Output outputOf(const std::vector<std::string> &command);

/// The ranks of one job. Standard input goes to rank 0. No rank survives the process that made
/// them.
class RankProcesses {
public:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  /// Starts `ranks` processes with TPC_RANK, TPC_WORLD_SIZE, a TPC_JOB of their own and `variables`
  /// in their environment. Throws Error if the command cannot be executed. From here on the signals
  /// of supervise() are blocked.
  RankProcesses(const std::vector<std::string> &command, int ranks, const Variables &variables);
  /// Kills what is left.
  ~RankProcesses();
  RankProcesses(const RankProcesses &) = delete;

  /// Waits for all. Forwards SIGINT, SIGTERM, SIGHUP and SIGQUIT. When a rank fails or a signal
  /// came, the others have some seconds to end by themselves, then they are terminated, then
  /// killed. Returns the exit status for the whole, 0 or 1.
  int supervise();
  /// What this process noticed: "rank 1 (process 12) was killed by signal 9 (Killed)", and what the
  /// other ranks said of that. Empty if all was well, or if a rank failed and said why.
  std::string complaint() const;
  /// The first message that a rank has handed to printError(); empty if there is none.
  const std::string &message() const { return said; }

private:
  struct Process {
    int rank;
    pid_t pid; ///< 0 once it has ended
  };
  using Clock = std::chrono::steady_clock;

  void reap();
  void escalate();
  void readMessages();
  void interrupt(int signal);
  void signalAll(int signal) const;
  bool anyAlive() const;
  /// A failure. The first signal explains more than the exit of a rank that noticed it.
  void note(const std::string &text, bool bySignal);

  sigset_t signals;
  std::vector<Process> processes;
  std::string reason;
  FileDescriptor messages; ///< what ranks write into
  std::string said;
  bool failed = false, failedBySignal = false, interrupted = false;
  size_t steps = 0; ///< of escalation taken
  Clock::time_point ending;
};

} // namespace tpc::runtime

#endif
