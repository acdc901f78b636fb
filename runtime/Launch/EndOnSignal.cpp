#include "tpc/runtime/Launch.h"
#include <csignal>
#include <cstring>
#include <string>
#include <unistd.h>

namespace tpc::runtime {
namespace {

std::string texts[NSIG]; ///< made beforehand: a handler must not allocate

void end(int signal) {
  const std::string &text = texts[signal];
  // Nobody is left to be told if this fails.
  ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);
  _exit(1);
}

} // namespace

void endOnSignals() {
  const char *lineBreak = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) ? "\n" : "";
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction before, action = {};
    if (sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL)
      continue; // such as what nohup ignores
    texts[signal] = std::string(lineBreak) + "error: interrupted by signal " +
                    std::to_string(signal) + " (" + strsignal(signal) + ")\n";
    action.sa_handler = end;
    sigaction(signal, &action, nullptr);
  }
}

} // namespace tpc::runtime
