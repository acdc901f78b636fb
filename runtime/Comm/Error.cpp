#include "tpc/runtime/Error.h"
#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace tpc::runtime {

std::string hostName() {
  char name[256] = "";
  if (gethostname(name, sizeof(name) - 1) != 0)
    return "unknown";
  return name;
}

void throwErrno(int rank, const std::string &action) { throwErrno(rank, action, errno); }

void throwErrno(int rank, const std::string &action, int error) {
  std::string where =
      rank < 0 ? "host " + hostName() : "rank " + std::to_string(rank) + " on " + hostName();
  throw Error(where + ": cannot " + action + ": " + std::generic_category().message(error) +
              " (errno " + std::to_string(error) + ")");
}

} // namespace tpc::runtime
