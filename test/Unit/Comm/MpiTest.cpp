// The MPI communicator under the machine's mpirun, if it has one.
#include "Command.h"
#include <gtest/gtest.h>

using namespace tpc::runtime::test;

namespace {
class Mpi : public testing::Test {
protected:
  void SetUp() override {
    CommandResult version = runCommand("mpirun --version");
    if (version.status != 0)
      GTEST_SKIP() << "no mpirun: install openmpi-bin or mpich";
    if (contains(version.output, "Open MPI"))
      options = "--allow-run-as-root --oversubscribe";
  }
  CommandResult run(int ranks, const std::string &arguments) {
    return runCommand("timeout 100 mpirun " + options + " -n " + std::to_string(ranks) +
                      " " RANK_PROGRAM " " + arguments);
  }
  std::string options;
};

TEST_F(Mpi, EveryCollectiveOfTwoRanks) {
  CommandResult result = run(2, "mpi values");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(contains(result.output, "finished 2 ranks over mpi")) << result.output;
}

TEST_F(Mpi, EveryCollectiveOfFourRanks) {
  CommandResult result = run(4, "mpi values");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(contains(result.output, "finished 4 ranks over mpi")) << result.output;
}

TEST_F(Mpi, OneHostMeansSharedMemoryByDefault) {
  CommandResult result = run(2, "auto barriers");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(contains(result.output, "finished 2 ranks over shm")) << result.output;
}

TEST_F(Mpi, AStalledRankStopsTheJob) {
  CommandResult result = run(2, "mpi stall 1");
  EXPECT_NE(result.status, 0);
  EXPECT_TRUE(contains(result.output, "error: rank 1 on ")) << result.output;
  EXPECT_TRUE(contains(result.output, "waited 1 s in a barrier")) << result.output;
  EXPECT_LT(result.seconds, 15);
}

TEST_F(Mpi, AFailureReachesTheOthers) {
  CommandResult result = run(3, "mpi fail");
  EXPECT_NE(result.status, 0);
  EXPECT_TRUE(contains(result.output, "error: the last rank is out of disk space"))
      << result.output;
  EXPECT_LT(result.seconds, 15);
}

TEST_F(Mpi, AMistakeOfAllRanksIsToldOnce) {
  CommandResult result = run(3, "mpi all-fail");
  EXPECT_NE(result.status, 0);
  size_t first = result.output.find("error: token 99");
  EXPECT_NE(first, std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("error: token 99", first + 1), std::string::npos) << result.output;
}

TEST_F(Mpi, AKilledRankEndsTheJob) {
  CommandResult result = run(2, "mpi die");
  EXPECT_NE(result.status, 0);
  EXPECT_LT(result.seconds, 15);
}

TEST_F(Mpi, DifferentDataIsRefusedOnce) {
  CommandResult result = run(2, "mpi differ");
  EXPECT_NE(result.status, 0);
  size_t first = result.output.find("has another data file than rank 0");
  EXPECT_NE(first, std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("has another data file", first + 1), std::string::npos)
      << result.output;
}

TEST_F(Mpi, AMissingLibraryIsNamed) {
  CommandResult result = runCommand("TPC_MPI_LIBRARY=libnone.so.0 " RANK_PROGRAM " mpi values");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.output, "no MPI library found")) << result.output;
  EXPECT_TRUE(contains(result.output, "libnone.so.0")) << result.output;
}
} // namespace
