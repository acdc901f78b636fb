#include "tpc/runtime/Launch.h"
#include <cstdio>

namespace tpc::runtime {

int reportFailure(const std::exception &error, Communicator *communicator) {
  std::string text = error.what();
  bool mine = dynamic_cast<const RelayedError *>(&error) == nullptr;
  if (communicator) {
    communicator->abort(text); // ignored if a failure is recorded already
    text = communicator->failure();
    mine = communicator->claimReport();
  }
  if (mine)
    std::fprintf(stderr, "error: %s\n", text.c_str());
  return 1;
}

} // namespace tpc::runtime
