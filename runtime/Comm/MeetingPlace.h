// Where the ranks of a job find each other: rank 0 listens there, the others connect to it.
#ifndef TPC_RUNTIME_COMM_MEETINGPLACE_H
#define TPC_RUNTIME_COMM_MEETINGPLACE_H

#include "FileDescriptor.h"
#include <string>

namespace tpc::runtime {

struct Introduction;

class MeetingPlace {
public:
  virtual ~MeetingPlace() = default;

  /// Rank 0: a socket that the others find as long as the place lives. Throws Error if it is taken.
  virtual FileDescriptor listen(const Introduction &self) = 0;
  /// The others: a connection to whoever listens; invalid if nobody does yet.
  virtual FileDescriptor connect(int rank) = 0;
  /// Whether who is at the other end may be in this job at all.
  virtual bool trusts(const FileDescriptor &) const { return true; }
  /// For messages: "on this host", ...
  virtual std::string describe() const = 0;

  /// What tells the job from others that come to the same place; known after listen() or a
  /// connect() that found somebody.
  std::string key;
  /// Why the last connect() found nobody, if there is more to it than that.
  std::string trouble;
};

} // namespace tpc::runtime

#endif
