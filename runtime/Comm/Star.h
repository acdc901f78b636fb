// Small data and news of failures between ranks of which each is connected to rank 0.
#ifndef TPC_RUNTIME_COMM_STAR_H
#define TPC_RUNTIME_COMM_STAR_H

#include "PeerWatch.h"
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <optional>
#include <vector>

namespace tpc::runtime {

/// What ranks tell each other: a kind, a number and bytes.
struct StarMessage {
  enum Kind : char {
    Data = 'd',   ///< of the operation of this number: to rank 0 one rank's, from it everybody's
    Late = 'l',   ///< to rank 0: the sender has waited for too long
    Failure = 'f' ///< to rank 0: the sender's; from it: the job's first, the number is whose
  } kind;
  int64_t number = 0;
  std::string bytes;

  std::string encode() const;
  static StarMessage decode(const std::string &text);
};

/// One rank's end. Rank 0's thread puts the data of all together and sends them out; it decides
/// which failure was the first, and, when a rank has waited for too long, for whom, so it is not
/// blamed for what it waits for itself. That works while its main thread computes.
class Star {
public:
  /// `hosts`: of all ranks. `connections`: rank 0's to the others, or the only one.
  Star(int self, std::vector<std::string> hosts, std::map<int, FileDescriptor> connections,
       double timeoutSeconds);
  /// Without an exchange of kFinish a failure of this rank.
  ~Star();

  /// Everybody's `mine`, all of one size, in rank order. One thread at a time. Throws Error.
  std::string exchange(int64_t operation, const std::string &mine);

  // Any thread.
  std::string describe(int rank) const;
  void fail(const std::string &message) noexcept;
  bool failed() const noexcept { return failureSeen; }
  std::string failure() const;
  bool claimReport() noexcept;

private:
  using Lock = std::unique_lock<std::mutex>;
  bool isHub() const { return self == 0; }
  int size() const { return static_cast<int>(hosts.size()); }
  bool hear(int rank, const Message &message);
  void lose(int rank);
  bool waitUntil(Lock &lock, double seconds);
  void complain(int64_t operation);
  static std::string describeOperation(int64_t operation);
  bool firstOnItsHost() const;
  void deliver(int64_t operation, const std::string &all);
  void learn(int64_t origin, const std::string &message);

  // Rank 0's.
  void collect(int rank, const StarMessage &part);
  std::string whyNotTogether(int rank, const StarMessage &part) const;
  void blame(int complainer, const std::string &complaint);
  void settle(int origin, const std::string &message);

  const int self;
  const std::vector<std::string> hosts;
  const double timeoutSeconds;

  mutable std::mutex mutex; ///< of what follows
  std::condition_variable changed;
  std::map<int, StarMessage> parts;  ///< rank 0's, of the exchange under way
  std::optional<std::string> result; ///< of the exchange that this rank waits for
  std::string message;               ///< the failure's
  std::optional<int> origin;         ///< whose failure it was, once rank 0 has said
  bool finished = false, hubLost = false, reported = false;
  std::atomic<bool> failureSeen{false};
  PeerWatch watch; // last: its thread uses the others
};

} // namespace tpc::runtime

#endif
