// Connections between hosts.
#ifndef TPC_RUNTIME_COMM_TCPSOCKET_H
#define TPC_RUNTIME_COMM_TCPSOCKET_H

#include "FileDescriptor.h"
#include <string>
#include <vector>

namespace tpc::runtime {

/// A socket that listens on all of this host's addresses, on a free port if `port` is 0; invalid if
/// the port is taken. Throws Error.
FileDescriptor listenOnPort(int rank, int port, int backlog);
int portOf(int rank, const FileDescriptor &listener);

/// A connection to a host's name or address within `seconds`; invalid if there is none, and then
/// `trouble` says why. Throws Error.
FileDescriptor connectToPort(int rank, const std::string &host, int port, double seconds,
                             std::string &trouble);

/// What other hosts may reach this one by, likeliest first.
std::vector<std::string> ownAddresses();

/// From now on a peer whose host is gone is noticed, and a message that it does not take is an
/// error, within `seconds`.
void limitSilence(int rank, const FileDescriptor &connection, double seconds);

} // namespace tpc::runtime

#endif
