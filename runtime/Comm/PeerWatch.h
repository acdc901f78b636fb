// Notices the death of a process at once: the kernel closes its end of a Unix socket.
#ifndef TPC_RUNTIME_COMM_PEERWATCH_H
#define TPC_RUNTIME_COMM_PEERWATCH_H

#include "Board.h"
#include "FileDescriptor.h"
#include <functional>
#include <map>
#include <thread>

namespace tpc::runtime {

/// A thread asleep on the connections of the rendezvous. Rank 0 has one to every rank, the others
/// to rank 0: whoever dies, somebody alive sees it and records it on the board for all.
class PeerWatch {
public:
  /// `obituary(rank)` is what to record when `rank`'s connection ends without a goodbye.
  PeerWatch(int self, Board &board, std::map<int, FileDescriptor> connections,
            std::function<std::string(int)> obituary);
  /// Stops the thread and closes the connections.
  ~PeerWatch();

  /// From now on the end of a connection is no failure, on either side.
  void sayGoodbye();

private:
  void watch();
  void readFrom(int rank);

  const int self;
  Board &board;
  std::map<int, FileDescriptor> connections;
  const std::function<std::string(int)> obituary;
  FileDescriptor stop; ///< an eventfd
  std::thread thread;
};

} // namespace tpc::runtime

#endif
