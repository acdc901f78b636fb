// The meeting place of ranks on one host.
#ifndef TPC_RUNTIME_COMM_UNIXSOCKET_H
#define TPC_RUNTIME_COMM_UNIXSOCKET_H

#include "MeetingPlace.h"
#include <memory>

namespace tpc::runtime {

/// An abstract Unix socket: no file, gone with its process. Its name has the user and a hash of the
/// key, so that jobs and users do not meet; connections of other users are not trusted.
std::unique_ptr<MeetingPlace> placeOnThisHost(const std::string &jobKey);

} // namespace tpc::runtime

#endif
