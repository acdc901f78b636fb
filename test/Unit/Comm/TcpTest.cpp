// The host side over TCP: meeting by a file or at a port, small data, and everything that goes
// wrong.
#include "../TemporaryFolder.h"
#include "Comm/TcpSocket.h"
#include "Fork.h"
#include "tpc/runtime/Communicator.h"
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <thread>

using namespace tpc::runtime;
using namespace tpc::runtime::test;
using tpc::test::messageOf;
using tpc::test::TemporaryFolder;

namespace {
CommunicatorOptions within(double timeoutSeconds) {
  CommunicatorOptions options;
  options.timeoutSeconds = timeoutSeconds;
  return options;
}

class Tcp : public testing::Test {
protected:
  std::unique_ptr<Communicator> meet(int rank, int size, const CommunicatorOptions &options = {}) {
    return connectTcp(rank, size, {file, "", 0}, job, options);
  }
  /// What rank 0 has published, once it has.
  nlohmann::json published() const {
    for (int tries = 0; tries < 500 && !std::filesystem::exists(file); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return nlohmann::json::parse(std::ifstream(file));
  }

  TemporaryFolder folder;
  std::string file = folder / "rendezvous", job = "test job";
};

void expectAll(const std::vector<Child> &children, const std::string &phrase) {
  for (const Child &child : children)
    EXPECT_NE(child.text.find(phrase), std::string::npos) << "'" << child.text << "'";
}

std::string mistakeInGather(Communicator &ranks, size_t count) {
  std::vector<int> mine(count, ranks.rank()), all(count * static_cast<size_t>(ranks.size()));
  ranks.gatherHost(mine.data(), count * sizeof(int), all.data());
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] != static_cast<int>(i / count))
      return "got " + std::to_string(all[i]) + " at " + std::to_string(i);
  return "";
}

TEST_F(Tcp, RanksMeetByAFileThatIsGoneAfterwards) {
  for (const Child &child : runRanks(4, [&](int rank) -> std::string {
         auto ranks = meet(rank, 4);
         ranks->barrier();
         if (std::filesystem::exists(file))
           return "the file is still there";
         std::string mistake = mistakeInGather(*ranks, 3) + mistakeInGather(*ranks, 300'000);
         ranks->finish();
         if (ranks->failed() || ranks->describe(3) != "rank 3 on " + hostName())
           return ranks->failure() + ranks->describe(3);
         return mistake;
       }))
    EXPECT_EQ(child.text, "");
}

TEST_F(Tcp, RanksMeetAtAPort) {
  int port = portOf(0, listenOnPort(0, 0, 1));
  for (const Child &child : runRanks(3, [&](int rank) -> std::string {
         auto ranks = connectTcp(rank, 3, {"", "localhost", port}, job, {});
         std::string mistake = mistakeInGather(*ranks, 1);
         ranks->finish();
         return mistake;
       }))
    EXPECT_EQ(child.text, "");
}

TEST_F(Tcp, OneRankNeedsNobody) {
  auto alone = meet(0, 1);
  EXPECT_EQ(mistakeInGather(*alone, 2), "");
  alone->finish();
}

TEST_F(Tcp, LateRanksAreAwaited) {
  for (const Child &child : runRanks(3, [&](int rank) -> std::string {
         usleep(rank == 1 ? 0 : 200'000 + 200'000 * static_cast<unsigned>(rank));
         meet(rank, 3)->finish();
         return "";
       }))
    EXPECT_EQ(child.text, "");
}

TEST_F(Tcp, MissingRanksAreNamed) {
  expectAll(runRanks(2,
                     [&](int rank) -> std::string { // ranks 0 and 2 of 4
                       meet(2 * rank, 4, within(0.5))->finish();
                       return "";
                     }),
            "waited 0.5 s for rank 1, 3 of 4 ranks to start");
  EXPECT_FALSE(std::filesystem::exists(file));
}

/// What rank 1 of two says where no rank 0 of its job comes.
std::string errorOfRank1(const NetworkAddress &where, const std::string &job) {
  return messageOf([&] { connectTcp(1, 2, where, job, within(0.3)); });
}

TEST_F(Tcp, AMissingRankZeroIsNamed) {
  std::string text = errorOfRank1({file, "", 0}, job);
  EXPECT_NE(text.find("waited 0.3 s for rank 0 of 2 ranks to start and to write " + file + ": " +
                      file + ": No such file"),
            std::string::npos)
      << text;
  int port = portOf(0, listenOnPort(0, 0, 1));
  text = errorOfRank1({"", "localhost", port}, job);
  EXPECT_NE(text.find("to start at localhost:" + std::to_string(port) + ": "), std::string::npos)
      << text;
  EXPECT_NE(text.find("Connection refused"), std::string::npos) << text;
}

TEST_F(Tcp, AKilledRankStopsTheOthers) {
  for (int victim : {0, 1, 2}) {
    auto begin = std::chrono::steady_clock::now();
    std::vector<Child> children = runRanks(3, [&](int rank) -> std::string {
      auto ranks = meet(rank, 3);
      ranks->barrier();
      if (rank == victim)
        raise(SIGKILL);
      ranks->barrier();
      return "";
    });
    EXPECT_TRUE(children[static_cast<size_t>(victim)].killedBy(SIGKILL));
    children.erase(children.begin() + victim);
    expectAll(children, "rank " + std::to_string(victim) + " on " + hostName() + " died");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
}

class TcpStall : public Tcp, public testing::WithParamInterface<int> {};

TEST_P(TcpStall, IsNamedByTheOthers) {
  int victim = GetParam();
  std::vector<Child> children = forkRanks(3, [&](int rank) -> std::string {
    auto ranks = meet(rank, 3, within(0.4));
    ranks->barrier();
    if (rank == victim)
      raise(SIGSTOP);
    ranks->barrier();
    return "";
  });
  Child stalled = children[static_cast<size_t>(victim)];
  children.erase(children.begin() + victim);
  for (Child &child : children)
    child.finish();
  expectAll(children, "rank " + std::to_string(victim) + " on " + hostName() + " stalled: rank ");
  expectAll(children, "waited 0.4 s in a barrier for it");
  kill(stalled.pid, SIGKILL);
  stalled.finish();
}

INSTANTIATE_TEST_SUITE_P(OfRank, TcpStall, testing::Values(0, 1));

TEST_F(Tcp, ARankThatComputesIsBlamedNotWhoWaitsForIt) {
  std::vector<Child> children = runRanks(3, [&](int rank) -> std::string {
    auto ranks = meet(rank, 3, within(0.5));
    if (rank == 0)
      usleep(300'000); // waits for rank 2 as well, but not for as long as rank 1
    if (rank == 2)
      sleep(1);
    ranks->barrier();
    return "";
  });
  expectAll(children, "rank 2 on " + hostName() + " stalled: rank 1 on ");
}

/// Waits for a failure without a call that communicates; its message, and whether this rank is to
/// report it.
std::string awaitFailure(Communicator &ranks) {
  for (int tries = 0; tries < 300 && !ranks.failed(); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  bool mine = ranks.claimReport();
  return (mine ? "report " : "") + ranks.failure();
}

int reports(const std::vector<Child> &children) {
  return static_cast<int>(std::count_if(children.begin(), children.end(), [](const Child &child) {
    return child.text.rfind("report ", 0) == 0;
  }));
}

TEST_F(Tcp, AnAbortReachesAllRanks) {
  for (int origin : {0, 2}) {
    std::vector<Child> children = runRanks(4, [&](int rank) {
      auto ranks = meet(rank, 4);
      ranks->barrier();
      if (rank == origin)
        std::thread([&] { ranks->abort("the disk is full"); }).join();
      return awaitFailure(*ranks);
    });
    expectAll(children, "the disk is full");
    EXPECT_EQ(children[static_cast<size_t>(origin)].text, "report the disk is full");
    EXPECT_EQ(reports(children), 1);
  }
}

TEST_F(Tcp, OfManyFailuresTheFirstIsTheJobs) {
  std::vector<Child> children = runRanks(4, [&](int rank) {
    auto ranks = meet(rank, 4);
    ranks->barrier();
    ranks->abort("mistake of rank " + std::to_string(rank));
    return awaitFailure(*ranks);
  });
  EXPECT_EQ(reports(children), 1);
}

TEST_F(Tcp, IfRankZeroIsGoneOneOfTheOthersReports) {
  std::vector<Child> children = runRanks(4, [&](int rank) {
    auto ranks = meet(rank, 4);
    ranks->barrier();
    if (rank == 0)
      raise(SIGKILL);
    return awaitFailure(*ranks);
  });
  EXPECT_EQ(reports(children), 1);
}

TEST_F(Tcp, LeavingWithoutFinishIsAFailure) {
  std::vector<Child> children = runRanks(2, [&](int rank) -> std::string {
    auto ranks = meet(rank, 2);
    ranks->barrier();
    if (rank == 0)
      ranks->barrier();
    return "left";
  });
  EXPECT_NE(children[0].text.find("rank 1 on " + hostName() + " left before the job was finished"),
            std::string::npos)
      << children[0].text;
}

TEST_F(Tcp, RanksThatDoDifferentThingsAreTold) {
  expectAll(runRanks(2,
                     [&](int rank) -> std::string {
                       auto ranks = meet(rank, 2);
                       if (rank == 0)
                         ranks->barrier();
                       return mistakeInGather(*ranks, 1);
                     }),
            "the ranks do not run the same program on the same input");
}

TEST_F(Tcp, CollectivesAreRefused) {
  auto alone = meet(0, 1);
  EXPECT_THROW(alone->run(Collective(), nullptr, nullptr), Error);
  alone->finish();
}

TEST_F(Tcp, DifferentDataIsRefusedOnAllRanks) {
  std::vector<Child> children = runRanks(3, [&](int rank) -> std::string {
    CommunicatorOptions options;
    options.identity = {{"executable", "e5"}, {"data file", rank == 2 ? "b.txt" : "a.txt"}};
    meet(rank, 3, options)->finish();
    return "";
  });
  expectAll(children, "has another data file than rank 0 on ");
  expectAll(children, "'b.txt', not 'a.txt'");
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Tcp, RankNumbersMustDiffer) {
  expectAll(runRanks(3,
                     [&](int rank) -> std::string {
                       meet(rank == 2 ? 1 : rank, 3)->finish();
                       return "";
                     }),
            "have the same rank number");
}

TEST_F(Tcp, ASecondRankZeroIsRefused) {
  std::vector<Child> children = runRanks(2, [&](int rank) -> std::string {
    if (rank == 1)
      published();
    meet(0, 2)->finish();
    return "";
  });
  EXPECT_NE(children[0].text.find("has a rank number outside 0..1 or that of rank 0"),
            std::string::npos)
      << children[0].text;
  EXPECT_NE(children[1].text.find("another rank 0 gathers its ranks by " + file), std::string::npos)
      << children[1].text;
}

TEST_F(Tcp, JobsOfDifferentSizesDoNotMix) {
  expectAll(runRanks(2,
                     [&](int rank) -> std::string {
                       meet(rank, rank == 0 ? 2 : 4)->finish();
                       return "";
                     }),
            "belongs to a job of 4 ranks");
}

TEST_F(Tcp, AStaleFileIsReplaced) {
  int port = portOf(0, listenOnPort(0, 0, 1)); // nobody answers there
  folder.write(
      "rendezvous",
      nlohmann::json{{"tpc_job", job}, {"nonce", "1"}, {"hosts", {"127.0.0.1"}}, {"port", port}}
          .dump());
  for (const Child &child : runRanks(2, [&](int rank) -> std::string {
         if (rank == 0)
           usleep(200'000);
         meet(rank, 2, within(10))->finish();
         return "";
       }))
    EXPECT_EQ(child.text, "");
}

TEST_F(Tcp, AFileOfAnotherJobIsWaitedOut) {
  folder.write(
      "rendezvous",
      nlohmann::json{{"tpc_job", "other"}, {"nonce", "1"}, {"hosts", {"127.0.0.1"}}, {"port", 1}}
          .dump());
  std::string text = errorOfRank1({file, "", 0}, job);
  EXPECT_NE(text.find(file + " is of another job"), std::string::npos) << text;
  folder.write("rendezvous", "shopping list");
  text = errorOfRank1({file, "", 0}, job);
  EXPECT_NE(text.find(file + " is no file that a rank 0 has written"), std::string::npos) << text;
}

TEST_F(Tcp, AStalePortThatAnotherJobHasNowMixesNothing) {
  Child zero = forkChild([&]() -> std::string {
    meet(0, 2)->finish();
    return "";
  });
  nlohmann::json stale = published();
  stale["nonce"] = "of an earlier job";
  std::string other = folder.write("other", stale.dump());
  std::string text = errorOfRank1({other, "", 0}, job);
  EXPECT_NE(text.find("another job meets there"), std::string::npos) << text;
  meet(1, 2)->finish();
  zero.finish();
  EXPECT_EQ(zero.text, "");
}

TEST_F(Tcp, StrangersAtThePortChangeNothing) {
  Child zero = forkChild([&]() -> std::string {
    meet(0, 2)->finish();
    return "";
  });
  int port = published()["port"];
  std::string trouble;
  FileDescriptor silent = connectToPort(1, "127.0.0.1", port, 1, trouble);
  FileDescriptor browser = connectToPort(1, "127.0.0.1", port, 1, trouble);
  ASSERT_TRUE(silent.valid() && browser.valid()) << trouble;
  EXPECT_EQ(send(browser.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
  meet(1, 2)->finish();
  zero.finish();
  EXPECT_EQ(zero.text, "");
}

TEST_F(Tcp, SomebodyElsesPortIsNoRendezvous) {
  FileDescriptor listener = listenOnPort(0, 0, 5);
  int port = portOf(0, listener);
  EXPECT_ERROR(connectTcp(0, 2, (NetworkAddress{"", "localhost", port}), job, {}),
               "port " + std::to_string(port) + " is taken");
  std::thread greeter([&] {
    FileDescriptor guest(accept(listener.get(), nullptr, nullptr));
    send(guest.get(), "SSH-2.0-Server\r\n", 16, MSG_NOSIGNAL);
    listener = FileDescriptor();
  });
  std::string text = errorOfRank1({"", "localhost", port}, job);
  greeter.join();
  EXPECT_NE(text.find("waited 0.3 s for rank 0 of 2 ranks"), std::string::npos) << text;
}
} // namespace
