// Meeting places of ranks on several hosts.
#ifndef TPC_RUNTIME_COMM_NETWORKPLACE_H
#define TPC_RUNTIME_COMM_NETWORKPLACE_H

#include "MeetingPlace.h"
#include "tpc/runtime/Communicator.h"

namespace tpc::runtime {

/// A port of the host that `where` names, or a file that rank 0 publishes a free port by. The file
/// is removed with the place, and one that an earlier job has left is replaced.
std::unique_ptr<MeetingPlace> placeOnNetwork(const NetworkAddress &where,
                                             const std::string &jobKey);

} // namespace tpc::runtime

#endif
