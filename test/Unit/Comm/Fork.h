// Ranks as processes, for the tests of what only processes can show.
#ifndef TPC_TEST_UNIT_COMM_FORK_H
#define TPC_TEST_UNIT_COMM_FORK_H

#include <exception>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tpc::runtime::test {

/// A forked process and the text it returned.
struct Child {
  pid_t pid = -1;
  int pipe = -1;
  int status = -1;  ///< wait status
  std::string text; ///< what its body returned or threw

  /// Waits for its end.
  void finish() {
    char buffer[4096];
    for (ssize_t count; (count = read(pipe, buffer, sizeof(buffer))) > 0;)
      text.append(buffer, count);
    close(pipe);
    waitpid(pid, &status, 0);
  }
  bool succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  bool failed() const { return WIFEXITED(status) && WEXITSTATUS(status) == 1; }
  bool killedBy(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

/// Forks a process that runs `body()`: exit status 0 if that returns no text, else 1. An alarm ends
/// it after 100 s.
template <typename Body>
Child forkChild(Body body) {
  int ends[2];
  Child child;
  if (pipe(ends) != 0)
    return child;
  child.pid = fork();
  child.pipe = ends[0];
  if (child.pid != 0) {
    close(ends[1]);
    return child;
  }
  alarm(100);
  std::string text;
  try {
    text = body();
  } catch (const std::exception &error) {
    text = error.what();
  }
  bool written = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
  _exit(text.empty() && written ? 0 : 1);
}

/// Forks `count` processes running `body(rank)`.
template <typename Body>
std::vector<Child> forkRanks(int count, Body body) {
  std::vector<Child> children;
  for (int rank = 0; rank < count; ++rank)
    children.push_back(forkChild([&, rank] { return body(rank); }));
  return children;
}

/// The same, and waits for their ends.
template <typename Body>
std::vector<Child> runRanks(int count, Body body) {
  std::vector<Child> children = forkRanks(count, body);
  for (Child &child : children)
    child.finish();
  return children;
}

} // namespace tpc::runtime::test

#endif
