// How the processes of a job find each other: rank 0 listens at a place that all of them know.
#ifndef TPC_RUNTIME_COMM_RENDEZVOUS_H
#define TPC_RUNTIME_COMM_RENDEZVOUS_H

#include "Introduction.h"
#include "MeetingPlace.h"
#include <chrono>
#include <list>
#include <map>

namespace tpc::runtime {

class Deadline {
public:
  explicit Deadline(double seconds)
      : end(Clock::now() +
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  double left() const { return std::chrono::duration<double>(end - Clock::now()).count(); }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end;
};

/// What a rank needs to begin, sent by rank 0, on one host with the segment.
struct Welcome {
  int spins = 0;                  ///< spinsFor() of this host and job
  int fairThreads = 1;            ///< fairShare() of the rank
  std::vector<std::string> hosts; ///< of all ranks
};

/// Rank 0's side.
class Gathering {
public:
  /// Waits for the other ranks. Whoever does not belong is told why, as are those who wait already;
  /// strangers, who do not know the place's key, are sent away and change nothing. Throws Error if
  /// ranks are missing after `timeoutSeconds`, differ, or come twice.
  Gathering(const Introduction &self, MeetingPlace &place, double timeoutSeconds);

  /// Introductions and connections of the ranks from 1 on.
  const std::map<int, Introduction> &others() const { return introductions; }
  /// Sends every rank its welcome and the segment.
  void welcome(const std::map<int, Welcome> &welcomes, const FileDescriptor &segment);
  std::map<int, FileDescriptor> takeConnections() { return std::move(connections); }

private:
  /// Somebody who has not yet said who it is.
  struct Newcomer {
    FileDescriptor connection;
    Deadline patience;
  };

  void awaitNews(double seconds) const;
  void hearNewcomers();
  void admit(FileDescriptor connection, const std::string &introduction);
  void checkArrived();
  /// Tells everybody who has come or comes in the next moments.
  [[noreturn]] void refuse(FileDescriptor newcomer, const std::string &reason);
  std::string missing() const;

  const Introduction self;
  MeetingPlace &place;
  FileDescriptor listener;
  std::list<Newcomer> newcomers;
  std::map<int, Introduction> introductions;
  std::map<int, FileDescriptor> connections;
};

/// The side of the others.
struct Joining {
  Welcome welcome;
  FileDescriptor connection, segment;

  /// Introduces this rank to rank 0 and waits for its welcome. Throws Error if rank 0 does not show
  /// up in `timeoutSeconds` or refuses.
  Joining(const Introduction &self, MeetingPlace &place, double timeoutSeconds);

private:
  bool knock(Introduction self, MeetingPlace &place);
  void awaitWelcome(const Introduction &self, const Deadline &deadline);
};

/// Whether a rank 0 is at the other end, of this job or of another.
bool isRankZero(const Introduction &self, const FileDescriptor &connection);

} // namespace tpc::runtime

#endif
