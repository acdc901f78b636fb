// tpc-run with a stand-in for a compiled program.
#include "Command.h"
#include <gtest/gtest.h>

using namespace tpc::runtime::test;

namespace {
CommandResult tpcRun(const std::string &arguments) {
  return runCommand("timeout 60 " TPC_RUN " " + arguments);
}
CommandResult tpcRunProgram(const std::string &options, const std::string &arguments) {
  return tpcRun(options + " " RANK_PROGRAM " " + arguments);
}

TEST(TpcRun, TakesTheNumberOfRanksFromTheProgram) {
  CommandResult result = tpcRunProgram("", "auto values");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "finished 2 ranks over shm\n");
}

TEST(TpcRun, TakesTheNumberOfRanksFromTheUser) {
  EXPECT_EQ(tpcRunProgram("-n 3", "shm barriers").output, "finished 3 ranks over shm\n");
}

TEST(TpcRun, NamesTheRankThatWasKilled) {
  CommandResult result = tpcRunProgram("-n 3", "auto die");
  EXPECT_EQ(result.status, 1);
  // One line: what tpc-run saw, and what the other ranks know of it.
  EXPECT_EQ(result.output.find("tpc-run: error: rank 2 (process "), 0u) << result.output;
  EXPECT_TRUE(contains(result.output, "was killed by signal 9 (Killed); rank 2 on "))
      << result.output;
  EXPECT_EQ(result.output.find('\n'), result.output.size() - 1) << result.output;
  EXPECT_LT(result.seconds, 10);
}

TEST(TpcRun, NamesTheRankThatEndedBeforeTheOthersMetIt) {
  CommandResult result = tpcRunProgram("-n 2", "auto early");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.output, "rank 1 (process ")) << result.output;
  EXPECT_TRUE(contains(result.output, "exited with status 3")) << result.output;
  EXPECT_LT(result.seconds, 10);
}

TEST(TpcRun, LeavesTheWordToARankThatFailed) {
  CommandResult result = tpcRunProgram("-n 3", "auto fail");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "error: the last rank is out of disk space\n");
}

TEST(TpcRun, EndsAStalledRank) {
  CommandResult result = tpcRunProgram("-n 2", "auto stall 0.5");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.output, "stalled: rank 0 on ")) << result.output;
  EXPECT_LT(result.seconds, 10);
}

TEST(TpcRun, ForwardsSignals) {
  for (const char *signal : {"TERM", "INT"}) {
    CommandResult result = runCommand(std::string("timeout -s ") + signal +
                                      " 1 " TPC_RUN " " RANK_PROGRAM
                                      " auto hang; pgrep -f '^[^ ]*tpc_rank_program auto hang'");
    EXPECT_TRUE(contains(result.output, "tpc-run: error: interrupted by signal")) << result.output;
    EXPECT_NE(result.status, 0) << "a rank is left: " << result.output;
    EXPECT_LT(result.seconds, 6);
  }
}

TEST(TpcRun, TellsOnceThatTheMeshHasAnotherSize) {
  CommandResult result = tpcRunProgram("-n 3", "auto mesh");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(
      result.output,
      "error: mesh dp=1,tp=2 needs 2 ranks, got 3 (tpc-run started 3): start it as 'tpc-run -n 2 "
      "./llama', or compile it for another mesh\n");
}

TEST(TpcRun, TellsOnceThatDataDiffers) {
  CommandResult result = tpcRunProgram("-n 2", "auto differ");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output.find("error: rank 1 on "), 0u) << result.output;
  EXPECT_EQ(result.output.rfind("error: "), 0u) << result.output;
}

TEST(TpcRun, HandsThreadsOn) {
  EXPECT_TRUE(
      contains(tpcRunProgram("--threads-per-rank 3", "auto threads").output, "threads 3\n"));
  EXPECT_TRUE(
      contains(runCommand("OMP_NUM_THREADS=2 " TPC_RUN " " RANK_PROGRAM " auto threads").output,
               "threads 2\n"));
}

TEST(TpcRun, TwoJobsAtOnce) {
  CommandResult result = runCommand(TPC_RUN " " RANK_PROGRAM " auto barriers & " TPC_RUN
                                            " " RANK_PROGRAM " auto barriers; wait");
  EXPECT_EQ(result.output, "finished 2 ranks over shm\nfinished 2 ranks over shm\n");
}

TEST(TpcRun, TorchrunVariablesMeetWithoutIt) {
  CommandResult result =
      runCommand("export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$$; RANK=1 " RANK_PROGRAM
                 " auto barriers & RANK=0 " RANK_PROGRAM " auto barriers; wait");
  EXPECT_EQ(result.output, "finished 2 ranks over shm\n");
}

TEST(TpcRun, APipeThatIsClosedOnTheWayTakesNoMessages) {
  // The number that tpc-run gave means the rank's own file here.
  CommandResult result = runCommand(
      "f=$(mktemp) && " TPC_RUN " -n 2 sh -c 'n=${TPC_REPORT_PIPE%%:*}; eval \"exec $n>$0\"; "
      "exec " RANK_PROGRAM " auto fail' $f; test -s $f && echo damaged; rm $f");
  EXPECT_EQ(result.output, "error: the last rank is out of disk space\n");
}

TEST(TpcRun, SaysWhyRanksFailedWhenItIsInterruptedMeanwhile) {
  CommandResult result =
      runCommand("timeout -s INT 1 " TPC_RUN " -n 2 sh -c 'test $TPC_RANK = 1 && exec sleep 5; "
                 "printf \"no luck\\0\" >&${TPC_REPORT_PIPE%%:*}; exit 1'");
  EXPECT_EQ(result.output, "error: no luck\n");
}

TEST(TpcRun, LetsAProgramSayWhatIsWrong) {
  auto script = [](const std::string &body) {
    return runCommand("f=$(mktemp) && printf '#!/bin/sh\n" + body +
                      "\n' > $f && chmod +x $f && " TPC_RUN " $f | sed s:$f:PROGRAM:; rm $f");
  };
  EXPECT_EQ(script("echo error: no luck >&2; exit 1").output, "tpc-run: error: no luck\n");
  CommandResult other = script("echo oops >&2; exit 3");
  EXPECT_TRUE(contains(other.output, "is no program compiled by tpc-compile, it says 'oops': give "
                                     "the number of ranks with -n"))
      << other.output;
}

TEST(TpcRun, ComplainsOfItsOwnArguments) {
  EXPECT_TRUE(contains(tpcRun("").output, "tpc-run: error: no program given"));
  EXPECT_TRUE(contains(tpcRun("-n 0 /bin/true").output, "tpc-run: error: --ranks"));
  EXPECT_TRUE(contains(tpcRun("--comm gloo /bin/true").output, "gloo"));
  EXPECT_TRUE(
      contains(tpcRun("/bin/true").output, "'/bin/true' is no program compiled by tpc-compile"));
  CommandResult missing = tpcRun("./no-such-program");
  EXPECT_EQ(missing.status, 1);
  EXPECT_TRUE(
      contains(missing.output, "cannot execute './no-such-program': No such file or directory"))
      << missing.output;
}
} // namespace
