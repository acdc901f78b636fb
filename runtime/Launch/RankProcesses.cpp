#include "RankProcesses.h"
#include "tpc/runtime/Launch.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace tpc::runtime {

namespace {
/// Seconds after the first failure at which the remaining ranks get a signal.
struct Escalation {
  double seconds;
  int signal;
};
constexpr Escalation kEscalations[] = {{2.0, SIGTERM}, {3.5, SIGKILL}};

struct Pipe {
  int readEnd = -1, writeEnd = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throwErrno(-1, "create a pipe");
    readEnd = ends[0];
    writeEnd = ends[1];
  }
  ~Pipe() {
    closeEnd(readEnd);
    closeEnd(writeEnd);
  }
  static void closeEnd(int &end) {
    if (end >= 0)
      close(end);
    end = -1;
  }
  /// Of the end that is written: the descriptor and what tells it from another of this number.
  std::string name() const {
    struct stat status;
    if (fstat(writeEnd, &status) != 0)
      throwErrno(-1, "look at a pipe");
    return std::to_string(writeEnd) + ":" + std::to_string(status.st_ino);
  }
  std::string readAll() const {
    std::string text;
    char buffer[4096];
    for (ssize_t count; (count = read(readEnd, buffer, sizeof(buffer))) != 0;) {
      if (count > 0)
        text.append(buffer, count);
      else if (errno != EINTR)
        throwErrno(-1, "read from a process");
    }
    return text;
  }
};

/// Starts `command`; `prepare` runs in the child. Throws Error if it cannot be executed.
template <typename Prepare>
pid_t startProcess(const std::vector<std::string> &command, Prepare prepare) {
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  Pipe failure; // closed by a successful exec, else it carries errno
  pid_t parent = getpid(), child = fork();
  if (child < 0)
    throwErrno(-1, "start a process");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
      _exit(1);
    prepare();
    execvp(arguments[0], arguments.data());
    int error = errno;
    if (write(failure.writeEnd, &error, sizeof(error)) != sizeof(error))
      _exit(126);
    _exit(127);
  }
  Pipe::closeEnd(failure.writeEnd);
  std::string text = failure.readAll();
  if (!text.empty()) {
    int error = 0;
    std::memcpy(&error, text.data(), std::min(text.size(), sizeof(error)));
    waitpid(child, nullptr, 0);
    bool here = command[0].find('/') == std::string::npos && access(command[0].c_str(), X_OK) == 0;
    throwErrno(-1,
               "execute '" + command[0] + "'" +
                   (here ? " (did you mean './" + command[0] + "'?)" : ""),
               error);
  }
  return child;
}

std::string randomKey() {
  unsigned long long words[2] = {};
  if (getrandom(words, sizeof(words), 0) != sizeof(words))
    throwErrno(-1, "get random bytes");
  char text[40];
  std::snprintf(text, sizeof(text), "%016llx%016llx", words[0], words[1]);
  return text;
}

/// "exited with status 3", "was killed by signal 9 (Killed)".
std::string describeEnd(int status) {
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (" +
           strsignal(WTERMSIG(status)) + ")";
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}
} // namespace

Output outputOf(const std::vector<std::string> &command) {
  Pipe output, errors;
  pid_t child = startProcess(command, [&] {
    dup2(output.writeEnd, STDOUT_FILENO);
    dup2(errors.writeEnd, STDERR_FILENO);
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  });
  Pipe::closeEnd(output.writeEnd);
  Pipe::closeEnd(errors.writeEnd);
  Output result;
  std::thread reader([&] { result.errors = errors.readAll(); });
  result.text = output.readAll();
  reader.join();
  waitpid(child, &result.status, 0);
  return result;
}

RankProcesses::RankProcesses(const std::vector<std::string> &command, int ranks,
                             const Variables &variables) {
  sigemptyset(&signals);
  for (int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    sigaddset(&signals, signal);
  sigset_t before;
  sigprocmask(SIG_BLOCK, &signals, &before);
  std::string job = randomKey();
  Pipe report;
  std::string reportName = report.name();
  for (int rank = 0; rank < ranks; ++rank) {
    pid_t pid = startProcess(command, [&] {
      sigprocmask(SIG_SETMASK, &before, nullptr);
      setenv("TPC_RANK", std::to_string(rank).c_str(), 1);
      setenv("TPC_WORLD_SIZE", std::to_string(ranks).c_str(), 1);
      setenv("TPC_JOB", job.c_str(), 1);
      fcntl(report.writeEnd, F_SETFD, 0); // stays open in the rank
      setenv(kReportPipe, reportName.c_str(), 1);
      for (const auto &[name, value] : variables)
        setenv(name.c_str(), value.c_str(), 1);
      if (rank > 0)
        dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    });
    processes.push_back({rank, pid});
  }
  messages = FileDescriptor(std::exchange(report.readEnd, -1));
  fcntl(messages.get(), F_SETFL, O_NONBLOCK);
}

RankProcesses::~RankProcesses() {
  signalAll(SIGKILL);
  for (const Process &process : processes)
    if (process.pid)
      waitpid(process.pid, nullptr, 0);
}

void RankProcesses::signalAll(int signal) const {
  for (const Process &process : processes)
    if (process.pid)
      kill(process.pid, signal);
}

bool RankProcesses::anyAlive() const {
  return std::any_of(processes.begin(), processes.end(),
                     [](const Process &process) { return process.pid != 0; });
}

void RankProcesses::note(const std::string &text, bool bySignal) {
  if (!failed)
    ending = Clock::now();
  if (!failed || (bySignal && !failedBySignal))
    reason = text;
  failed = true;
  failedBySignal |= bySignal;
}

void RankProcesses::reap() {
  for (Process &process : processes) {
    int status = 0;
    if (!process.pid || waitpid(process.pid, &status, WNOHANG) != process.pid)
      continue;
    std::string name =
        "rank " + std::to_string(process.rank) + " (process " + std::to_string(process.pid) + ") ";
    process.pid = 0;
    if (status == 0 || steps > 0 || interrupted) // what comes after our own signals is no news
      continue;
    bool saidWhy = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    note(saidWhy ? "" : name + describeEnd(status), WIFSIGNALED(status));
  }
}

void RankProcesses::escalate() {
  if (!failed)
    return;
  double seconds = std::chrono::duration<double>(Clock::now() - ending).count();
  for (; steps < std::size(kEscalations) && seconds >= kEscalations[steps].seconds; ++steps)
    signalAll(kEscalations[steps].signal);
}

/// Takes the first message out of the pipe, which holds far more than that.
void RankProcesses::readMessages() {
  if (!said.empty())
    return;
  char buffer[4096];
  ssize_t count = read(messages.get(), buffer, sizeof(buffer) - 1);
  buffer[std::max<ssize_t>(count, 0)] = 0;
  said = buffer; // up to the first zero
}

/// Whoever loses patience with ranks that have failed learns why they did.
void RankProcesses::interrupt(int signal) {
  readMessages();
  if (said.empty())
    note("interrupted by signal " + std::to_string(signal) + " (" + strsignal(signal) +
             "), all ranks were ended",
         /*bySignal=*/true);
  else
    note("", /*bySignal=*/false);
  interrupted = true;
  signalAll(signal);
}

std::string RankProcesses::complaint() const {
  return reason.empty() || said.empty() || interrupted ? reason : reason + "; " + said;
}

int RankProcesses::supervise() {
  while (anyAlive()) {
    timespec limit{0, 100'000'000};
    int signal = sigtimedwait(&signals, nullptr, &limit);
    if (signal > 0 && signal != SIGCHLD)
      interrupt(signal);
    reap();
    escalate();
  }
  readMessages();
  return failed ? 1 : 0;
}

} // namespace tpc::runtime
