// Messages and a file descriptor between processes of one host and user.
#ifndef TPC_RUNTIME_COMM_UNIXSOCKET_H
#define TPC_RUNTIME_COMM_UNIXSOCKET_H

#include "FileDescriptor.h"
#include <string>

namespace tpc::runtime {

/// The abstract address of a job's rendezvous: user and a hash of the key, so that jobs and users
/// do not meet.
std::string rendezvousName(const std::string &jobKey);

/// All functions throw Error with `rank` and the host's name when a system call fails for another
/// reason than those named.

/// A listening socket under an abstract name; invalid if the name is taken.
FileDescriptor listenAt(int rank, const std::string &name, int backlog);
/// A connection to an abstract name; invalid if nobody listens there (yet).
FileDescriptor connectTo(int rank, const std::string &name);
/// The next connection of a process of the same user within `seconds`; invalid if there is none.
FileDescriptor acceptFrom(int rank, const FileDescriptor &listener, double seconds);

/// Sends one message, with a file descriptor if `attached` is valid. A peer that is gone is not an
/// error here: its end is noticed by whoever receives from it.
void sendMessage(int rank, const FileDescriptor &connection, const std::string &text,
                 const FileDescriptor &attached = FileDescriptor());

/// One message within `seconds`.
struct Message {
  enum class Kind { Text, Closed, None } kind = Kind::None;
  std::string text;
  FileDescriptor attached;
};
Message receiveMessage(int rank, const FileDescriptor &connection, double seconds);

} // namespace tpc::runtime

#endif
