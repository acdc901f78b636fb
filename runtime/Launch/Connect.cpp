#include "tpc/runtime/Launch.h"

namespace tpc::runtime {

CommunicatorKind parseCommunicatorKind(const std::string &text) {
  if (text == "auto")
    return CommunicatorKind::Auto;
  if (text == "shm")
    return CommunicatorKind::SharedMemory;
  if (text == "mpi")
    return CommunicatorKind::Mpi;
  if (text == "loopback")
    return CommunicatorKind::Loopback;
  throw Error("--comm must be auto, shm, mpi or loopback, got '" + text + "'");
}

namespace {
bool speaksMpi(Launcher launcher) {
  return launcher != Launcher::TpcRun && launcher != Launcher::Torchrun;
}

} // namespace

void failTogether(const RankInfo &info, const std::string &text) {
  if (info.localRank == 0)
    throw Error(text);
  throw RelayedError(text);
}

std::unique_ptr<Communicator> connect(const RankInfo &info, CommunicatorKind kind,
                                      const CommunicatorOptions &options) {
  if (kind == CommunicatorKind::Loopback)
    failTogether(info, "--comm loopback makes all ranks threads of one process, got " +
                           std::to_string(info.size) + " processes started by " +
                           toString(info.launcher) + ": start the program by itself");
  if (kind == CommunicatorKind::Auto)
    kind = info.oneHost() ? CommunicatorKind::SharedMemory : CommunicatorKind::Mpi;
  if (kind == CommunicatorKind::SharedMemory) {
    if (!info.oneHost())
      failTogether(info, "--comm shm needs all " + std::to_string(info.size) +
                             " ranks on one host: use --comm mpi");
    return connectSharedMemory(info.rank, info.size, info.jobKey, options);
  }
  if (!speaksMpi(info.launcher))
    failTogether(info, std::string("MPI cannot connect ranks started by ") +
                           toString(info.launcher) + ": start them with mpirun or srun" +
                           (info.oneHost() ? ", or use --comm shm" : ""));
  return connectMpi(info.rank, info.size, options);
}

} // namespace tpc::runtime
