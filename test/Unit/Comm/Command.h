// A command and what it says.
#ifndef TPC_TEST_UNIT_COMM_COMMAND_H
#define TPC_TEST_UNIT_COMM_COMMAND_H

#include <chrono>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace tpc::runtime::test {

struct CommandResult {
  int status = -1;    ///< exit status; -1 if it ended by a signal
  std::string output; ///< standard output and error
  double seconds = 0;
};

/// Runs a shell command line.
inline CommandResult runCommand(const std::string &line) {
  CommandResult result;
  auto begin = std::chrono::steady_clock::now();
  FILE *pipe = popen(("(" + line + ") 2>&1").c_str(), "r");
  if (!pipe)
    return result;
  char buffer[4096];
  for (size_t count; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    result.output.append(buffer, count);
  int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

inline bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

} // namespace tpc::runtime::test

#endif
