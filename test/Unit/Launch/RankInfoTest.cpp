// Which rank a process is, from the variables that each launcher sets.
#include "Comm/MpiLibrary.h"
#include "tpc/runtime/Launch.h"
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

using namespace tpc::runtime;

namespace {
using Variables = std::map<std::string, std::string>;

Environment environmentOf(const Variables &variables) {
  return [&variables](const char *name) -> const char * {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

RankInfo discover(const Variables &variables) { return discoverRank(environmentOf(variables)); }

/// What `action` throws.
template <typename Action>
std::string errorOf(Action action) {
  try {
    action();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

TEST(RankInfo, WithoutALauncherAProcessIsAlone) {
  RankInfo info = discover({});
  EXPECT_EQ(info.launcher, Launcher::None);
  EXPECT_EQ(info.rank, 0);
  EXPECT_EQ(info.size, 1);
  EXPECT_TRUE(info.oneHost());
}

TEST(RankInfo, TpcRun) {
  RankInfo info = discover({{"TPC_RANK", "2"}, {"TPC_WORLD_SIZE", "4"}, {"TPC_JOB", "a1"}});
  EXPECT_EQ(info.launcher, Launcher::TpcRun);
  EXPECT_EQ(info.rank, 2);
  EXPECT_EQ(info.size, 4);
  EXPECT_TRUE(info.oneHost());
  EXPECT_NE(info.jobKey,
            discover({{"TPC_RANK", "2"}, {"TPC_WORLD_SIZE", "4"}, {"TPC_JOB", "a2"}}).jobKey);
}

TEST(RankInfo, TpcRunInsideAnotherLauncherWins) {
  RankInfo info = discover({{"TPC_RANK", "0"},
                            {"TPC_WORLD_SIZE", "2"},
                            {"RANK", "5"},
                            {"WORLD_SIZE", "8"},
                            {"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(info.launcher, Launcher::TpcRun);
  EXPECT_EQ(info.size, 2);
}

TEST(RankInfo, OpenMpiOnTwoHosts) {
  RankInfo info = discover({{"OMPI_COMM_WORLD_RANK", "3"},
                            {"OMPI_COMM_WORLD_SIZE", "4"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                            {"PMIX_NAMESPACE", "927203329"}});
  EXPECT_EQ(info.launcher, Launcher::OpenMpi);
  EXPECT_EQ(info.rank, 3);
  EXPECT_EQ(info.localRank, 1);
  EXPECT_FALSE(info.oneHost());
}

TEST(RankInfo, Torchrun) {
  Variables variables{{"RANK", "1"},
                      {"WORLD_SIZE", "2"},
                      {"LOCAL_RANK", "1"},
                      {"LOCAL_WORLD_SIZE", "2"},
                      {"MASTER_ADDR", "10.0.0.1"},
                      {"MASTER_PORT", "29500"}};
  RankInfo info = discover(variables);
  EXPECT_EQ(info.launcher, Launcher::Torchrun);
  EXPECT_TRUE(info.oneHost());
  variables["MASTER_PORT"] = "29501";
  EXPECT_NE(discover(variables).jobKey, info.jobKey);
  variables["LOCAL_WORLD_SIZE"] = "1";
  EXPECT_FALSE(discover(variables).oneHost());
}

TEST(RankInfo, TorchrunOnTwoHostsMeetsBehindTheMastersPort) {
  Variables variables{{"RANK", "0"},        {"WORLD_SIZE", "2"},      {"LOCAL_WORLD_SIZE", "1"},
                      {"MASTER_ADDR", "a"}, {"MASTER_PORT", "29500"}, {"TORCHELASTIC_RUN_ID", "7"}};
  RankInfo info = discover(variables);
  EXPECT_EQ(info.meeting.host, "a");
  EXPECT_EQ(info.meeting.port, 29501);
  variables["MASTER_ADDR"] = "a.cluster"; // as another host may call it
  EXPECT_EQ(discover(variables).jobKey, info.jobKey);
  variables["TORCHELASTIC_RUN_ID"] = "8";
  EXPECT_NE(discover(variables).jobKey, info.jobKey);
  variables["MASTER_PORT"] = "65535";
  EXPECT_EQ(
      errorOf([&] { discover(variables); }),
      "environment variable MASTER_PORT must be from 1 to 65534, got 65535: the ranks meet at "
      "the port behind it");
  variables["LOCAL_WORLD_SIZE"] = "2"; // and then need none
  EXPECT_EQ(discover(variables).meeting.port, 0);
}

TEST(RankInfo, TorchrunVariablesByHand) {
  Variables variables{
      {"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "1"}};
  EXPECT_TRUE(discover(variables).oneHost());
  variables["MASTER_ADDR"] = "node7.example";
  EXPECT_FALSE(discover(variables).oneHost());
}

TEST(RankInfo, Mpich) {
  RankInfo info = discover(
      {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}});
  EXPECT_EQ(info.launcher, Launcher::Pmi);
  EXPECT_TRUE(info.oneHost());
}

TEST(RankInfo, Slurm) {
  Variables variables{{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"},  {"SLURM_LOCALID", "1"},
                      {"SLURM_NNODES", "2"}, {"SLURM_JOB_ID", "77"}, {"SLURM_STEP_ID", "0"}};
  RankInfo info = discover(variables);
  EXPECT_EQ(info.launcher, Launcher::Slurm);
  EXPECT_EQ(info.rank, 5);
  EXPECT_FALSE(info.oneHost());
  variables["SLURM_NNODES"] = "1";
  EXPECT_TRUE(discover(variables).oneHost());
}

TEST(RankInfo, SlurmBatchScriptIsNoStep) {
  EXPECT_EQ(
      discover({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "77"}}).launcher,
      Launcher::None);
}

TEST(RankInfo, SrunThatSpeaksPmiKnowsItsNodesFromSlurm) {
  RankInfo info = discover({{"PMI_RANK", "1"},
                            {"PMI_SIZE", "2"},
                            {"SLURM_PROCID", "1"},
                            {"SLURM_NTASKS", "2"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_NNODES", "1"},
                            {"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(info.launcher, Launcher::Pmi);
  EXPECT_TRUE(info.oneHost());
}

TEST(RankInfo, ContradictionsAreErrors) {
  EXPECT_EQ(errorOf([] { discover({{"RANK", "1"}}); }),
            "environment variable RANK is set and WORLD_SIZE is not");
  EXPECT_EQ(errorOf([] { discover({{"TPC_RANK", "2"}, {"TPC_WORLD_SIZE", "2"}}); }),
            "environment variable TPC_RANK must be less than TPC_WORLD_SIZE, got 2 and 2");
  EXPECT_EQ(errorOf([] { discover({{"RANK", "one"}, {"WORLD_SIZE", "2"}}); }),
            "environment variable RANK must be a number, got 'one'");
  EXPECT_EQ(errorOf([] { discover({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}); }),
            "environment variable RANK must be a number, got '-1'");
}

TEST(RankInfo, WorldSizeMustBeThatOfTheMesh) {
  Mesh mesh{{{"dp", 2}, {"tp", 2}}};
  RankInfo info;
  std::string text = errorOf([&] { checkWorldSize(info, mesh, "./llama"); });
  EXPECT_EQ(
      text,
      "mesh dp=2,tp=2 needs 4 ranks, got 1 (started alone): start it as 'tpc-run -n 4 ./llama', or "
      "compile it for another mesh");
  info.size = 4;
  EXPECT_EQ(errorOf([&] { checkWorldSize(info, mesh, "./llama"); }), "no error");
}

TEST(Connect, SharedMemoryNeedsOneHostAndMpiNeedsItsLauncher) {
  RankInfo info;
  info.launcher = Launcher::Torchrun;
  info.size = 4;
  info.localSize = 2;
  EXPECT_EQ(errorOf([&] { connect(info, CommunicatorKind::SharedMemory, {}); }),
            "--comm shm needs all 4 ranks on one host: use --comm mpi");
  EXPECT_EQ(errorOf([&] { connect(info, CommunicatorKind::Mpi, {}); }),
            "MPI cannot connect ranks started by torchrun: start them with mpirun or srun");
  EXPECT_EQ(errorOf([&] { parseCommunicatorKind("gloo"); }),
            "--comm must be auto, shm, mpi, tcp or loopback, got 'gloo'");
  info.localRank = 1; // says nothing, its neighbour does
  EXPECT_THROW(connect(info, CommunicatorKind::SharedMemory, {}), RelayedError);
}

TEST(Connect, TcpIsForTheHostSideAndNeedsAPlaceToMeet) {
  RankInfo info;
  info.launcher = Launcher::Torchrun;
  info.size = 4;
  info.localSize = 2;
  std::string forCpus = "a program for CPUs exchanges its data between hosts over MPI, TCP is for "
                        "the host side of programs for GPUs: ";
  EXPECT_EQ(errorOf([&] { connect(info, CommunicatorKind::Auto, {}); }),
            forCpus + "start it with mpirun or srun, and --comm mpi");
  CommunicatorOptions forGpus;
  forGpus.hostSideOnly = true;
  forGpus.timeoutSeconds = 0.1;
  EXPECT_EQ(
      errorOf([&] { connect(info, CommunicatorKind::Auto, forGpus); }),
      "ranks started by torchrun do not know where to meet: give --rendezvous file:///PATH, a "
      "file in a folder that all hosts see, or torchrun's MASTER_ADDR and MASTER_PORT");
  EXPECT_EQ(errorOf([&] { connect(info, CommunicatorKind::SharedMemory, forGpus); }),
            "--comm shm needs all 4 ranks on one host: use --comm tcp");
  info.meeting.file = "/none/job";
  info.launcher = Launcher::Slurm; // which speaks MPI, but a place was given
  info.rank = 1;
  std::string text = errorOf([&] { connect(info, CommunicatorKind::Auto, forGpus); });
  EXPECT_NE(text.find("for rank 0 of 4 ranks to start and to write /none/job"), std::string::npos)
      << text;
  info.rank = 0;
  text = errorOf([&] { connect(info, CommunicatorKind::Auto, forGpus); });
  EXPECT_NE(text.find("/none/job"), std::string::npos) << text;
  info.localSize = 4;
  EXPECT_EQ(errorOf([&] { connect(info, CommunicatorKind::Tcp, {}); }), forCpus + "use --comm shm");
}

TEST(Connect, ARendezvousIsTheUrlOfAFile) {
  EXPECT_EQ(parseRendezvous("file:///shared/job 7"), "/shared/job 7");
  for (const char *url :
       {"/shared/job", "file://host/job", "file://job", "file:///", "tcp://host:1", "file:///job/"})
    EXPECT_EQ(errorOf([&] { parseRendezvous(url); }),
              std::string("must be file:///PATH, a file in a folder that all hosts see, got '") +
                  url + "'");
}

// srun 22.05 of each --mpi type, on a machine with both libraries.
TEST(MpiLibrary, TheLaunchersProtocolTellsWhich) {
  EXPECT_TRUE(expectsOpenMpi(environmentOf({{"OMPI_COMM_WORLD_SIZE", "2"}})));
  EXPECT_TRUE(expectsOpenMpi(
      environmentOf({{"SLURM_PROCID", "0"}, {"SLURM_MPI_TYPE", "pmix"}, {"PMIX_RANK", "0"}})));
  EXPECT_FALSE(expectsOpenMpi(environmentOf(
      {{"SLURM_PROCID", "0"}, {"SLURM_MPI_TYPE", "pmi2"}, {"PMI_RANK", "0"}, {"PMI_SIZE", "2"}})));
  EXPECT_FALSE(expectsOpenMpi(environmentOf({{"SLURM_PROCID", "0"}})));
}

TEST(Threads, TheMostExplicitNumberWins) {
  EXPECT_EQ(threadsPerRank(0, environmentOf({}), 3), 3);
  EXPECT_EQ(threadsPerRank(0, environmentOf({{"SLURM_CPUS_PER_TASK", "6"}}), 3), 6);
  Variables all{{"SLURM_CPUS_PER_TASK", "6"}, {"OMP_NUM_THREADS", "5,2"}};
  EXPECT_EQ(threadsPerRank(0, environmentOf(all), 3), 5);
  all["TPC_THREADS_PER_RANK"] = "4";
  EXPECT_EQ(threadsPerRank(0, environmentOf(all), 3), 4);
  EXPECT_EQ(threadsPerRank(2, environmentOf(all), 3), 2);
}

TEST(Threads, DefaultsAreCutAndExplicitNumbersRefused) {
  EXPECT_EQ(threadsPerRank(0, environmentOf({{"OMP_NUM_THREADS", "1024"}}), 3), TPC_MAX_THREADS);
  EXPECT_EQ(threadsPerRank(0, environmentOf({}), 960), TPC_MAX_THREADS);
  EXPECT_EQ(errorOf([] { threadsPerRank(257, environmentOf({}), 1); }),
            "--threads-per-rank must be at most 256, got 257");
  EXPECT_EQ(
      errorOf([] {
        Variables variables{{"OMP_NUM_THREADS", "many"}};
        threadsPerRank(0, environmentOf(variables), 1);
      }),
      "environment variable OMP_NUM_THREADS must be a positive number of threads, got 'many'");
}

TEST(Mesh, RanksAreRowMajorOverTheAxes) {
  Mesh mesh = parseMesh(nlohmann::json::parse(
      R"({"mesh": {"axes": [{"name": "dp", "size": 2}, {"name": "tp", "size": 3}]}})"));
  EXPECT_EQ(mesh.size(), 6);
  EXPECT_EQ(mesh.coordinates(4), (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(mesh.toString(), "dp=2,tp=3");
}

TEST(Mesh, MalformedOnesAreErrors) {
  EXPECT_EQ(errorOf([] {
              parseMesh(nlohmann::json::parse(
                  R"({"mesh": {"axes": [{"name": "tp", "size": 2}, {"name": "tp", "size": 3}]}})"));
            }),
            "manifest: mesh axes must have distinct names and positive sizes, got 'tp' of size 3");
  EXPECT_EQ(errorOf([] {
              parseMesh(nlohmann::json::parse(R"({"mesh": 1})"));
            }).find("manifest: malformed mesh"),
            0u);
}
} // namespace
