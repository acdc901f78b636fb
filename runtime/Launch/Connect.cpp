#include "tpc/runtime/Launch.h"

namespace tpc::runtime {

CommunicatorKind parseCommunicatorKind(const std::string &text) {
  if (text == "auto")
    return CommunicatorKind::Auto;
  if (text == "shm")
    return CommunicatorKind::SharedMemory;
  if (text == "mpi")
    return CommunicatorKind::Mpi;
  if (text == "tcp")
    return CommunicatorKind::Tcp;
  if (text == "loopback")
    return CommunicatorKind::Loopback;
  throw Error("--comm must be auto, shm, mpi, tcp or loopback, got '" + text + "'");
}

std::string parseRendezvous(const std::string &url) {
  const std::string scheme = "file://";
  std::string path = url.rfind(scheme, 0) == 0 ? url.substr(scheme.size()) : "";
  if (path.empty() || path.front() != '/' || path.back() == '/')
    throw Error("must be file:///PATH, a file in a folder that all hosts see, got '" + url + "'");
  return path;
}

namespace {
bool speaksMpi(Launcher launcher) {
  return launcher != Launcher::TpcRun && launcher != Launcher::Torchrun;
}

bool knowsMeeting(const RankInfo &info) {
  return !info.meeting.file.empty() || info.meeting.port != 0;
}

CommunicatorKind choose(const RankInfo &info) {
  if (info.oneHost())
    return CommunicatorKind::SharedMemory;
  return knowsMeeting(info) || !speaksMpi(info.launcher) ? CommunicatorKind::Tcp
                                                         : CommunicatorKind::Mpi;
}

std::unique_ptr<Communicator> connectOverNetwork(const RankInfo &info,
                                                 const CommunicatorOptions &options) {
  if (!options.hostSideOnly)
    failTogether(info, std::string("a program for CPUs exchanges its data between hosts over MPI, "
                                   "TCP is for the host side of programs for GPUs: ") +
                           (info.oneHost() ? "use --comm shm"
                                           : "start it with mpirun or srun, and --comm mpi"));
  if (!knowsMeeting(info))
    failTogether(info,
                 std::string("ranks started by ") + toString(info.launcher) +
                     " do not know where to meet: give --rendezvous file:///PATH, a file in a "
                     "folder that all hosts see, or torchrun's MASTER_ADDR and MASTER_PORT");
  return connectTcp(info.rank, info.size, info.meeting, info.jobKey, options);
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
    kind = choose(info);
  if (kind == CommunicatorKind::SharedMemory) {
    if (!info.oneHost())
      failTogether(info, "--comm shm needs all " + std::to_string(info.size) +
                             " ranks on one host: use --comm " +
                             (options.hostSideOnly ? "tcp" : "mpi"));
    return connectSharedMemory(info.rank, info.size, info.jobKey, options);
  }
  if (kind == CommunicatorKind::Tcp)
    return connectOverNetwork(info, options);
  if (!speaksMpi(info.launcher))
    failTogether(info, std::string("MPI cannot connect ranks started by ") +
                           toString(info.launcher) + ": start them with mpirun or srun" +
                           (info.oneHost() ? ", or use --comm shm" : ""));
  return connectMpi(info.rank, info.size, options);
}

} // namespace tpc::runtime
