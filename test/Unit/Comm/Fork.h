// Ranks as processes, for the tests of what only processes can show.
#ifndef TPC_TEST_UNIT_COMM_FORK_H
#define TPC_TEST_UNIT_COMM_FORK_H

#include <cstdio>
#include <exception>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace tpc::runtime::test {

/// Forks one process that runs `body()`, which returns what went wrong or nothing; its exit status
/// is 1 or 0.
template <typename Body>
pid_t forkProcess(Body body) {
  pid_t child = fork();
  if (child != 0)
    return child;
  alarm(100);
  std::string mistake;
  try {
    mistake = body();
  } catch (const std::exception &error) {
    mistake = error.what();
  }
  if (!mistake.empty())
    std::fprintf(stderr, "%s\n", mistake.c_str());
  _exit(mistake.empty() ? 0 : 1);
}

/// The wait status of `child`.
inline int statusOf(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

/// Forks `count` processes running `body(rank)`; their wait statuses.
template <typename Body>
std::vector<int> forkRanks(int count, Body body) {
  std::vector<pid_t> children;
  for (int rank = 0; rank < count; ++rank)
    children.push_back(forkProcess([&] { return body(rank); }));
  std::vector<int> statuses;
  for (pid_t child : children)
    statuses.push_back(statusOf(child));
  return statuses;
}

} // namespace tpc::runtime::test

#endif
