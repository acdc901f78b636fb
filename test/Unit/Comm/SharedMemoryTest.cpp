// The shared-memory communicator between processes: values, and everything that goes wrong between
// processes.
#include "Fork.h"
#include "Reference.h"
#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

using namespace tpc::runtime;
using namespace tpc::runtime::test;

namespace {
/// A job of its own for every test.
std::string jobKey(const std::string &name = "") {
  return "test " + std::to_string(getpid()) + " " +
         testing::UnitTest::GetInstance()->current_test_info()->name() + name;
}

CommunicatorOptions optionsFor(const std::vector<Collective> &cases, double timeoutSeconds = 30) {
  CommunicatorOptions options;
  options.collectives = cases;
  options.regionBytes = regionBytesFor(cases);
  options.timeoutSeconds = timeoutSeconds;
  return options;
}

Collective allReduce(int world, int64_t index = 0) {
  Collective collective;
  collective.index = index;
  collective.axes = "tp";
  collective.module = "model.norm";
  collective.operands = {{{8}, {8}}};
  collective.groups.emplace_back();
  for (int rank = 0; rank < world; ++rank)
    collective.groups[0].push_back(rank);
  return collective;
}

void runOnce(Communicator &communicator, const Collective &collective) {
  float data[8] = {};
  char *buffer[] = {reinterpret_cast<char *>(data)};
  communicator.run(collective, buffer, buffer);
}

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

private:
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

void expectAllCases(int world) {
  std::vector<Collective> cases = allCases(world);
  std::string key = jobKey();
  for (const Child &child : runRanks(world, [&](int rank) {
         auto communicator = connectSharedMemory(rank, world, key, optionsFor(cases));
         std::string mistake = checkAll(*communicator, cases);
         if (mistake.empty())
           communicator->finish();
         return mistake;
       })) {
    EXPECT_TRUE(child.succeeded());
    EXPECT_EQ(child.text, "");
  }
}

TEST(SharedMemory, EveryCollectiveOfFourRanks) { expectAllCases(4); }
TEST(SharedMemory, EveryCollectiveOfTwoRanks) { expectAllCases(2); }

TEST(SharedMemory, OneRankNeedsNobody) {
  Collective collective = allReduce(1);
  auto communicator = connectSharedMemory(0, 1, jobKey(), optionsFor({collective}));
  runOnce(*communicator, collective);
  EXPECT_GE(communicator->fairThreads(), 1);
  communicator->finish();
}

/// Rank `victim` of three goes by `signal` after one collective; the others wait in the next.
std::vector<Child> loseRank(int victim, int signal, double timeoutSeconds) {
  std::vector<Collective> collectives{allReduce(3), allReduce(3, 1)};
  std::string key = jobKey();
  return forkRanks(3, [&, key](int rank) -> std::string {
    auto communicator = connectSharedMemory(rank, 3, key, optionsFor(collectives, timeoutSeconds));
    runOnce(*communicator, collectives[0]);
    if (rank == victim)
      raise(signal);
    runOnce(*communicator, collectives[1]);
    return "";
  });
}

void expectSurvivorsName(std::vector<Child> &children, int victim, const std::string &phrase) {
  for (int rank = 0; rank < 3; ++rank) {
    if (rank == victim)
      continue;
    children[rank].finish();
    EXPECT_TRUE(children[rank].failed());
    EXPECT_EQ(children[rank].text.find("rank " + std::to_string(victim) + " on "), 0u)
        << children[rank].text;
    EXPECT_NE(children[rank].text.find(phrase), std::string::npos) << children[rank].text;
  }
}

TEST(SharedMemory, AKilledRankStopsTheOthers) {
  for (int victim : {0, 1, 2}) {
    Stopwatch stopwatch;
    std::vector<Child> children = loseRank(victim, SIGKILL, 60);
    expectSurvivorsName(children, victim,
                        "died after collective 0 (all_reduce over tp, module model.norm)");
    children[victim].finish();
    EXPECT_TRUE(children[victim].killedBy(SIGKILL));
    EXPECT_LT(stopwatch.seconds(), 5);
  }
}

TEST(SharedMemory, AStalledRankStopsTheOthersAfterTheTimeout) {
  Stopwatch stopwatch;
  std::vector<Child> children = loseRank(1, SIGSTOP, 0.5);
  expectSurvivorsName(children, 1, "waited 0.5 s in collective 1");
  EXPECT_LT(stopwatch.seconds(), 5);
  kill(children[1].pid, SIGKILL);
  children[1].finish();
}

TEST(SharedMemory, AStalledRankThatWakesUpLaterEndsToo) {
  std::vector<Child> children = loseRank(2, SIGSTOP, 0.3);
  expectSurvivorsName(children, 2, "stalled");
  kill(children[2].pid, SIGCONT);
  children[2].finish();
  EXPECT_TRUE(children[2].failed());
  EXPECT_NE(children[2].text.find("rank 2 on "), std::string::npos);
}

TEST(SharedMemory, NothingIsLeftBehindWhenAllAreKilled) {
  std::string key = jobKey();
  std::vector<Child> children = forkRanks(2, [&](int rank) -> std::string {
    CommunicatorOptions options;
    options.regionBytes = 1 << 20;
    auto communicator = connectSharedMemory(rank, 2, key, options);
    communicator->barrier();
    raise(SIGKILL);
    return "";
  });
  for (Child &child : children) {
    child.finish();
    EXPECT_TRUE(child.killedBy(SIGKILL));
  }
  // The same key can be used again at once: neither a name nor a segment is in the way.
  auto again = runRanks(2, [&](int rank) -> std::string {
    connectSharedMemory(rank, 2, key, CommunicatorOptions())->finish();
    return "";
  });
  EXPECT_TRUE(again[0].succeeded() && again[1].succeeded()) << again[0].text << again[1].text;
}

TEST(SharedMemory, TwoJobsAtOnceDoNotMeet) {
  std::vector<Child> children;
  for (int job = 0; job < 2; ++job) {
    std::string key = jobKey(std::to_string(job));
    std::vector<Child> ranks = forkRanks(2, [&, job](int rank) -> std::string {
      auto communicator = connectSharedMemory(rank, 2, key, CommunicatorOptions());
      int jobs[2];
      communicator->gatherHost(&job, sizeof(job), jobs);
      communicator->finish();
      return jobs[0] == job && jobs[1] == job ? "" : "met another job";
    });
    children.insert(children.end(), ranks.begin(), ranks.end());
  }
  for (Child &child : children) {
    child.finish();
    EXPECT_EQ(child.text, "");
  }
}

TEST(SharedMemory, DifferentDataIsRefusedOnAllRanks) {
  std::string key = jobKey();
  for (const Child &child : runRanks(3, [&](int rank) -> std::string {
         CommunicatorOptions options;
         options.identity = {{"executable", "e5"}, {"data file", rank == 2 ? "b.txt" : "a.txt"}};
         connectSharedMemory(rank, 3, key, options)->finish();
         return "";
       })) {
    EXPECT_TRUE(child.failed());
    EXPECT_EQ(child.text.find("rank 2 on "), 0u) << child.text;
    EXPECT_NE(child.text.find("has another data file than rank 0 on "), std::string::npos)
        << child.text;
    EXPECT_NE(child.text.find("'b.txt', not 'a.txt'"), std::string::npos) << child.text;
  }
}

TEST(SharedMemory, ALateRankIsToldOfARefusal) {
  std::string key = jobKey();
  auto children = runRanks(3, [&](int rank) -> std::string {
    if (rank == 1)
      usleep(300'000);
    CommunicatorOptions options;
    options.identity = {{"executable", std::to_string(rank)}};
    connectSharedMemory(rank, 3, key, options)->finish();
    return "";
  });
  for (const Child &child : children)
    EXPECT_NE(child.text.find("has another executable than rank 0"), std::string::npos)
        << child.text;
}

TEST(SharedMemory, RankNumbersMustDiffer) {
  std::string key = jobKey();
  auto children = runRanks(3, [&](int rank) -> std::string {
    connectSharedMemory(rank == 2 ? 1 : rank, 3, key, CommunicatorOptions())->finish();
    return "";
  });
  for (const Child &child : children)
    EXPECT_NE(child.text.find("have the same rank number"), std::string::npos) << child.text;
}

TEST(SharedMemory, JobsOfDifferentSizesDoNotMix) {
  std::string key = jobKey();
  auto children = runRanks(2, [&](int rank) -> std::string {
    connectSharedMemory(rank, rank == 0 ? 2 : 4, key, CommunicatorOptions())->finish();
    return "";
  });
  for (const Child &child : children)
    EXPECT_NE(child.text.find("belongs to a job of 4 ranks"), std::string::npos) << child.text;
}

TEST(SharedMemory, MissingRanksAreNamed) {
  std::string key = jobKey();
  CommunicatorOptions options;
  options.timeoutSeconds = 0.5;
  auto children = runRanks(2, [&](int rank) -> std::string { // ranks 0 and 2 of 4
    connectSharedMemory(2 * rank, 4, key, options)->finish();
    return "";
  });
  for (const Child &child : children)
    EXPECT_NE(child.text.find("waited 0.5 s for rank 1, 3 of 4 ranks to start"), std::string::npos)
        << child.text;
}

TEST(SharedMemory, AMissingRankZeroIsNamed) {
  CommunicatorOptions options;
  options.timeoutSeconds = 0.3;
  try {
    connectSharedMemory(1, 2, jobKey(), options);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("for rank 0 of 2 ranks to start"), std::string::npos)
        << error.what();
  }
}

TEST(SharedMemory, ARankThatDiesAtTheStartIsNamed) {
  std::string key = jobKey();
  Stopwatch stopwatch;
  auto children = forkRanks(2, [&](int rank) -> std::string { // rank 2 never comes
    if (rank == 1)
      alarm(1);
    connectSharedMemory(rank, 3, key, CommunicatorOptions())->finish();
    return "";
  });
  for (Child &child : children)
    child.finish();
  EXPECT_TRUE(children[1].killedBy(SIGALRM));
  EXPECT_NE(children[0].text.find("rank 1 on "), std::string::npos) << children[0].text;
  EXPECT_NE(children[0].text.find("died before all ranks had started"), std::string::npos)
      << children[0].text;
  EXPECT_LT(stopwatch.seconds(), 5);
}

TEST(SharedMemory, ATinyDevShmDoesNotMatter) {
  std::string key = jobKey();
  auto children = runRanks(2, [&](int rank) -> std::string {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k") != 0)
      return "skip";
    std::vector<Collective> collectives{allReduce(2)};
    CommunicatorOptions options = optionsFor(collectives);
    options.regionBytes = 8 << 20;
    auto communicator = connectSharedMemory(rank, 2, key, options);
    std::fill_n(communicator->region(), options.regionBytes, char(rank));
    runOnce(*communicator, collectives[0]);
    communicator->finish();
    return "";
  });
  if (children[0].text == "skip")
    GTEST_SKIP() << "mounting a small /dev/shm needs root";
  EXPECT_EQ(children[0].text + children[1].text, "");
}
} // namespace
