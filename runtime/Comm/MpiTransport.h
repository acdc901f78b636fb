// Messages between ranks over MPI that end with an error instead of a hang.
#ifndef TPC_RUNTIME_COMM_MPITRANSPORT_H
#define TPC_RUNTIME_COMM_MPITRANSPORT_H

#include "MpiLibrary.h"
#include "tpc/runtime/Communicator.h"
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace tpc::runtime {

/// A message under way, possibly in several pieces (MPI counts in `int`).
struct MpiTransfer {
  int peer;
  bool sending;
  std::vector<MpiRequest> pieces;
};

/// Point-to-point transfers, the wait for them, and the news of failures. MPI is only called by the
/// thread that made the transport.
class MpiTransport {
public:
  /// Throws Error if the library's rank and size are not those given.
  MpiTransport(int rank, int size, double timeoutSeconds);
  /// Without finish(), ends the job for all ranks unless another rank does so.
  ~MpiTransport();

  void send(const char *data, size_t bytes, int peer, uint32_t tag,
            std::vector<MpiTransfer> &transfers);
  void receive(char *data, size_t bytes, int peer, uint32_t tag,
               std::vector<MpiTransfer> &transfers);
  /// Returns when all are complete. Throws Error after the time-out, naming the rank that is behind
  /// and `operation`, or with the news of a failure elsewhere.
  void waitAll(std::vector<MpiTransfer> &transfers, const std::string &operation);

  /// Host names by rank, for messages; set once all have met.
  void setHosts(std::vector<std::string> names) { hosts = std::move(names); }
  std::string describe(int rank) const;

  /// Any thread: records the first failure. The thread that made the transport tells the other
  /// ranks as well.
  void fail(const std::string &message) noexcept;
  bool failed() const noexcept { return failureSeen; }
  std::string failure() const;
  /// Once, and only where the failure began; of several ranks that failed at once, on the lowest.
  /// Called by the thread that made the transport.
  bool claimReport() noexcept;

  /// Ends MPI in good order; all ranks have to call it.
  void finish();

private:
  void record(const std::string &message, bool ours) noexcept;
  void spreadNews();
  void awaitNews();
  void readNews();
  bool progress(std::vector<MpiTransfer> &transfers);
  [[noreturn]] void reportTimeout(const std::vector<MpiTransfer> &transfers,
                                  const std::string &operation);

  const int self, size;
  const double timeoutSeconds;
  const std::thread::id owner = std::this_thread::get_id();
  std::unique_ptr<MpiLibrary> library;
  std::vector<std::string> hosts;
  std::vector<char> news; ///< the receive buffer of a failure elsewhere
  MpiRequest newsRequest;
  int lowestInNews; ///< the lowest rank that told of a failure of its own
  bool finished = false;

  mutable std::mutex mutex; ///< of what follows
  std::string message;
  bool begunHere = false, spread = false, reported = false;
  std::atomic<bool> failureSeen{false};
};

} // namespace tpc::runtime

#endif
