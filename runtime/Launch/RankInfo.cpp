#include "tpc/runtime/Launch.h"
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <unistd.h>

namespace tpc::runtime {

namespace {
/// A variable's text; nothing if it is unset or empty.
std::optional<std::string> textOf(const Environment &environment, const char *name) {
  const char *text = environment(name);
  if (!text || !*text)
    return std::nullopt;
  return text;
}

std::optional<int> numberOf(const Environment &environment, const char *name) {
  std::optional<std::string> text = textOf(environment, name);
  if (!text)
    return std::nullopt;
  int value = 0;
  const char *end = text->data() + text->size();
  auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < 0)
    throw Error(std::string("environment variable ") + name + " must be a number, got '" + *text +
                "'");
  return value;
}

/// Rank and size from two variables that belong together; false if neither is set.
bool readPlace(const Environment &environment, const char *rankName, const char *sizeName,
               RankInfo &info) {
  std::optional<int> rank = numberOf(environment, rankName), size = numberOf(environment, sizeName);
  if (!rank && !size)
    return false;
  if (!rank || !size)
    throw Error(std::string("environment variable ") + (rank ? rankName : sizeName) +
                " is set and " + (rank ? sizeName : rankName) + " is not");
  if (*rank >= *size)
    throw Error(std::string("environment variable ") + rankName + " must be less than " + sizeName +
                ", got " + std::to_string(*rank) + " and " + std::to_string(*size));
  info.rank = *rank;
  info.size = *size;
  return true;
}

std::string join(const Environment &environment, std::initializer_list<const char *> names) {
  std::string text;
  for (const char *name : names)
    text += textOf(environment, name).value_or("") + "/";
  return text;
}

bool readTpcRun(const Environment &environment, RankInfo &info) {
  if (!readPlace(environment, "TPC_RANK", "TPC_WORLD_SIZE", info))
    return false;
  info.localRank = info.rank;
  info.localSize = info.size;
  info.jobKey = "tpc-run/" + join(environment, {"TPC_JOB"});
  return true;
}

bool readOpenMpi(const Environment &environment, RankInfo &info) {
  if (!readPlace(environment, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", info))
    return false;
  info.localRank = numberOf(environment, "OMPI_COMM_WORLD_LOCAL_RANK").value_or(info.rank);
  info.localSize = numberOf(environment, "OMPI_COMM_WORLD_LOCAL_SIZE").value_or(0);
  info.jobKey = "openmpi/" + join(environment, {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"});
  return true;
}

bool namesThisHost(const std::string &address) {
  return address.empty() || address == "localhost" || address == "127.0.0.1" || address == "::1" ||
         address == hostName();
}

/// At the port behind MASTER_PORT, which is that of torchrun's own store.
NetworkAddress readMaster(const Environment &environment, bool needed) {
  NetworkAddress meeting;
  std::optional<std::string> host = textOf(environment, "MASTER_ADDR");
  std::optional<int> port = numberOf(environment, "MASTER_PORT");
  bool usable = port && *port >= 1 && *port < 65535;
  if (!host || !port || (!usable && !needed))
    return meeting;
  if (!usable)
    throw Error("environment variable MASTER_PORT must be from 1 to 65534, got " +
                std::to_string(*port) + ": the ranks meet at the port behind it");
  meeting.host = *host;
  meeting.port = *port + 1;
  return meeting;
}

bool readTorchrun(const Environment &environment, RankInfo &info) {
  if (!readPlace(environment, "RANK", "WORLD_SIZE", info))
    return false;
  bool local = namesThisHost(textOf(environment, "MASTER_ADDR").value_or(""));
  info.localRank = numberOf(environment, "LOCAL_RANK").value_or(info.rank);
  info.localSize = numberOf(environment, "LOCAL_WORLD_SIZE").value_or(local ? info.size : 0);
  info.jobKey = "torchrun/" + join(environment, {"MASTER_PORT", "TORCHELASTIC_RUN_ID",
                                                 "TORCHELASTIC_RESTART_COUNT"});
  if (info.oneHost())
    info.jobKey += join(environment, {"MASTER_ADDR"}); // hosts may know it by other names
  info.meeting = readMaster(environment, /*needed=*/!info.oneHost());
  return true;
}

bool readSlurm(const Environment &environment, RankInfo &info) {
  // A batch script has SLURM_PROCID too; only the tasks of a step have SLURM_STEP_ID.
  if (!textOf(environment, "SLURM_STEP_ID"))
    return false;
  const char *sizeName =
      textOf(environment, "SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  if (!readPlace(environment, "SLURM_PROCID", sizeName, info))
    return false;
  std::optional<int> nodes = numberOf(environment, "SLURM_STEP_NUM_NODES");
  if (!nodes)
    nodes = numberOf(environment, "SLURM_NNODES");
  info.localRank = numberOf(environment, "SLURM_LOCALID").value_or(info.rank);
  info.localSize = nodes ? info.size / std::max(1, *nodes) : 0;
  info.jobKey = "slurm/" + join(environment, {"SLURM_JOB_ID", "SLURM_STEP_ID"});
  return true;
}

bool readPmi(const Environment &environment, RankInfo &info) {
  if (!readPlace(environment, "PMI_RANK", "PMI_SIZE", info))
    return false;
  std::optional<int> localSize = numberOf(environment, "MPI_LOCALNRANKS");
  info.localRank = numberOf(environment, "MPI_LOCALRANKID").value_or(info.rank);
  info.localSize = localSize.value_or(0);
  RankInfo slurm; // srun speaks PMI as well, and then only its own variables know the nodes
  if (!localSize && readSlurm(environment, slurm) && slurm.size == info.size) {
    info.localRank = slurm.localRank;
    info.localSize = slurm.localSize;
  }
  // Hydra has no job number in the environment; the ranks of one host are children of the job's own
  // proxy.
  info.jobKey = "pmi/" + join(environment, {"PMI_JOBID"});
  if (info.oneHost())
    info.jobKey += std::to_string(getppid());
  return true;
}
} // namespace

const char *toString(Launcher launcher) {
  constexpr const char *kNames[] = {"none",     "tpc-run",        "Open MPI's mpirun",
                                    "torchrun", "MPICH's mpirun", "srun"};
  return kNames[static_cast<int>(launcher)];
}

Environment processEnvironment() {
  return [](const char *name) -> const char * { return std::getenv(name); };
}

RankInfo discoverRank(const Environment &environment) {
  struct Reader {
    Launcher launcher;
    bool (*read)(const Environment &, RankInfo &);
  };
  constexpr Reader kReaders[] = {{Launcher::TpcRun, readTpcRun},
                                 {Launcher::OpenMpi, readOpenMpi},
                                 {Launcher::Torchrun, readTorchrun},
                                 {Launcher::Pmi, readPmi},
                                 {Launcher::Slurm, readSlurm}};
  for (const Reader &reader : kReaders) {
    RankInfo info;
    info.launcher = reader.launcher;
    if (reader.read(environment, info))
      return info;
  }
  RankInfo alone;
  alone.jobKey = "alone/" + std::to_string(getpid());
  return alone;
}

void checkWorldSize(const RankInfo &info, const Mesh &mesh, const std::string &program) {
  if (info.size == mesh.size())
    return;
  std::string wanted = std::to_string(mesh.size());
  std::string got =
      info.launcher == Launcher::None
          ? "started alone"
          : toString(info.launcher) + std::string(" started ") + std::to_string(info.size);
  failTogether(info, "mesh " + mesh.toString() + " needs " + wanted + " ranks, got " +
                         std::to_string(info.size) + " (" + got + "): start it as 'tpc-run -n " +
                         wanted + " " + program + "', or compile it for another mesh");
}

} // namespace tpc::runtime
