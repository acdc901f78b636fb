// Notices the death of a process at once: the kernel closes its end of a connection.
#ifndef TPC_RUNTIME_COMM_PEERWATCH_H
#define TPC_RUNTIME_COMM_PEERWATCH_H

#include "Messages.h"
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

namespace tpc::runtime {

/// A thread asleep on the connections of the rendezvous. Rank 0 has one to every rank, the others
/// to rank 0: whoever dies, somebody alive hears of it.
class PeerWatch {
public:
  /// What the thread does.
  struct Ears {
    /// With what a rank says, or that its connection is closed; false if it is not listened to any
    /// longer.
    std::function<bool(int rank, const Message &message)> hear;
    /// When it cannot watch any longer.
    std::function<void(const std::string &reason)> fail;
  };

  PeerWatch(int self, std::map<int, FileDescriptor> connections, Ears ears);
  /// Stops the thread and closes the connections.
  ~PeerWatch();

  /// Any thread.
  void send(int rank, const std::string &text);
  /// To all that can be reached, before it throws.
  void sendAll(const std::string &text);
  /// Sends nothing any more, and waits a moment for the others to have heard all: a connection over
  /// a network that is closed with something unread loses what was sent last.
  void leave();

private:
  void watch();
  bool readFrom(int rank);

  const int self;
  const std::map<int, FileDescriptor> connections;
  const Ears ears;
  std::mutex sending;
  FileDescriptor stop; ///< an eventfd
  std::promise<void> ended;
  std::thread thread;
};

} // namespace tpc::runtime

#endif
