#include "tpc/runtime/Launch.h"
#include <cstdio>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace tpc::runtime {

/// The pipe that kReportPipe names, unless something between tpc-run and this process has closed it
/// and the number means another file; else -1.
static int findReportPipe() {
  const char *text = std::getenv(kReportPipe);
  int number = -1;
  unsigned long long inode = 0;
  struct stat status;
  bool there = text && std::sscanf(text, "%d:%llu", &number, &inode) == 2 &&
               fstat(number, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_ino == inode;
  return there ? number : -1;
}

/// Gives the text, with a zero behind it, to the tpc-run that started this rank.
static bool tellLauncher(const std::string &message) {
  size_t size = message.size() + 1;
  return write(findReportPipe(), message.c_str(), size) == static_cast<ssize_t>(size);
}

void printError(const std::string &message) {
  if (tellLauncher(message))
    return;
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::fflush(stderr);
}

} // namespace tpc::runtime
