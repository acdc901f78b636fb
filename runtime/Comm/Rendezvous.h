// How the processes of a job on one host find each other: an abstract Unix socket that rank 0
// listens on.
#ifndef TPC_RUNTIME_COMM_RENDEZVOUS_H
#define TPC_RUNTIME_COMM_RENDEZVOUS_H

#include "FileDescriptor.h"
#include "Introduction.h"
#include <map>

namespace tpc::runtime {

/// What a rank needs to begin, sent by rank 0 with the segment.
struct Welcome {
  int spins = 0;       ///< spinsFor() of this host and job
  int fairThreads = 1; ///< fairShare() of the rank
};

/// Rank 0's side. The socket's name exists only until all ranks have arrived and never as a file.
class Gathering {
public:
  /// Waits for the other ranks. Whoever does not belong is told why, as are those who wait already.
  /// Throws Error if ranks are missing after `timeoutSeconds`, differ, or come twice.
  Gathering(const Introduction &self, const std::string &jobKey, double timeoutSeconds);

  /// Introductions and connections of the ranks from 1 on.
  const std::map<int, Introduction> &others() const { return introductions; }
  /// Sends every rank its welcome and the segment.
  void welcome(const std::map<int, Welcome> &welcomes, const FileDescriptor &segment);
  std::map<int, FileDescriptor> takeConnections() { return std::move(connections); }

private:
  void admit(FileDescriptor connection);
  void checkArrived();
  /// Tells everybody who has come or comes in the next moments.
  [[noreturn]] void refuse(FileDescriptor newcomer, const std::string &reason);
  std::string missing() const;

  const Introduction self;
  FileDescriptor listener;
  std::map<int, Introduction> introductions;
  std::map<int, FileDescriptor> connections;
};

/// The side of the others.
struct Joining {
  Welcome welcome;
  FileDescriptor connection, segment;

  /// Introduces this rank to rank 0 and waits for its welcome. Throws Error if rank 0 does not show
  /// up in `timeoutSeconds` or refuses.
  Joining(const Introduction &self, const std::string &jobKey, double timeoutSeconds);
};

} // namespace tpc::runtime

#endif
