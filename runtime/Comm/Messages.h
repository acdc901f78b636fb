// Messages between processes over connected stream sockets.
#ifndef TPC_RUNTIME_COMM_MESSAGES_H
#define TPC_RUNTIME_COMM_MESSAGES_H

#include "FileDescriptor.h"
#include <string>

namespace tpc::runtime {

/// All functions throw Error with `rank` and the host's name when a system call fails for another
/// reason than those named.

/// The next connection within `seconds`; invalid if there is none.
FileDescriptor acceptFrom(int rank, const FileDescriptor &listener, double seconds);

/// Sends one message, with a file descriptor if `attached` is valid (Unix sockets only). A peer
/// that is gone is not an error here: its end is noticed by whoever receives from it.
void sendMessage(int rank, const FileDescriptor &connection, const std::string &text,
                 const FileDescriptor &attached = FileDescriptor());

/// One message that begins within `seconds`; closed if the peer is gone or sends something else.
struct Message {
  enum class Kind { Text, Closed, None } kind = Kind::None;
  std::string text;
  FileDescriptor attached;
};
Message receiveMessage(int rank, const FileDescriptor &connection, double seconds);

} // namespace tpc::runtime

#endif
