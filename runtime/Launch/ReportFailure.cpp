#include "tpc/runtime/Launch.h"
#include <chrono>
#include <thread>

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
    printError(text);
  else // a launcher that sees this rank end first would end the one that speaks
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  return 1;
}

} // namespace tpc::runtime
