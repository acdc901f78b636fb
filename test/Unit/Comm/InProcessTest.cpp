// The collectives' values and protocol, with threads as ranks.
#include "Reference.h"
#include <atomic>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <thread>

using namespace tpc::runtime;
using namespace tpc::runtime::test;

namespace {
/// Runs `body(communicator)` on every rank; the messages of those that returned or threw one.
template <typename Body>
std::vector<std::string> onThreads(int world, const CommunicatorOptions &options, Body body) {
  auto communicators = createInProcessCommunicators(world, options);
  std::vector<std::string> messages(world);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank)
    threads.emplace_back([&, rank] {
      try {
        messages[rank] = body(*communicators[rank]);
      } catch (const Error &error) {
        messages[rank] = error.what();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  return messages;
}

CommunicatorOptions optionsFor(const std::vector<Collective> &cases) {
  CommunicatorOptions options;
  options.collectives = cases;
  options.regionBytes = regionBytesFor(cases);
  options.timeoutSeconds = 30;
  return options;
}

Collective allReduce(int world, std::vector<int64_t> shape, tpc_dtype dtype = TPC_F32,
                     int64_t index = 0) {
  Collective collective;
  collective.index = index;
  collective.dtype = dtype;
  collective.axes = "tp";
  collective.module = "model.norm";
  collective.operands = {{shape, shape}};
  collective.groups.emplace_back();
  for (int rank = 0; rank < world; ++rank)
    collective.groups[0].push_back(rank);
  return collective;
}

TEST(InProcess, EveryCollectiveOfFourRanks) {
  std::vector<Collective> cases = allCases(4);
  for (const Collective &collective : cases)
    ASSERT_NO_THROW(verify(collective, 4));
  for (const std::string &message :
       onThreads(4, optionsFor(cases),
                 [&](Communicator &communicator) { return checkAll(communicator, cases); }))
    EXPECT_EQ(message, "");
}

TEST(InProcess, EveryCollectiveOfThreeRanks) {
  std::vector<Collective> cases = allCases(3);
  for (const std::string &message :
       onThreads(3, optionsFor(cases),
                 [&](Communicator &communicator) { return checkAll(communicator, cases); }))
    EXPECT_EQ(message, "");
}

TEST(InProcess, SumsAreEvaluatedInGroupOrder) {
  // (1e8 + 1) - 1e8 is 0 in f32, (1e8 - 1e8) + 1 is 1: the order decides, and all ranks must agree.
  const float contributions[] = {1e8f, 1.0f, -1e8f};
  for (int64_t elements : {4, 100000}) {
    Collective collective = allReduce(3, {elements});
    collective.groups = {{0, 2, 1}};
    CommunicatorOptions options = optionsFor({collective});
    auto messages = onThreads(3, options, [&](Communicator &communicator) -> std::string {
      std::vector<float> data(elements, contributions[communicator.rank()]);
      char *buffer[] = {reinterpret_cast<char *>(data.data())};
      communicator.run(collective, buffer, buffer);
      for (float value : data)
        if (value != 1.0f)
          return "got " + std::to_string(value);
      return "";
    });
    EXPECT_EQ(messages, std::vector<std::string>(3));
  }
}

TEST(InProcess, Bf16RoundsOnceAndMaxKeepsNaN) {
  // In bf16 256 + 1 rounds back to 256; accumulated in f32, 256 + 1 + 1 = 258 survives.
  Collective sum = allReduce(3, {1}, TPC_BF16);
  onThreads(3, optionsFor({sum}), [&](Communicator &communicator) -> std::string {
    std::vector<char> data = encode(TPC_BF16, {communicator.rank() == 0 ? 256.0 : 1.0});
    char *buffer[] = {data.data()};
    communicator.run(sum, buffer, buffer);
    EXPECT_EQ(decode(TPC_BF16, data.data(), 1)[0], 258.0);
    return "";
  });
  Collective maximum = allReduce(2, {2});
  maximum.reduction = Reduction::Max;
  onThreads(2, optionsFor({maximum}), [&](Communicator &communicator) -> std::string {
    float nan = std::numeric_limits<float>::quiet_NaN();
    float data[2] = {communicator.rank() == 0 ? nan : 1, communicator.rank() == 1 ? nan : 1};
    char *buffer[] = {reinterpret_cast<char *>(data)};
    communicator.run(maximum, buffer, buffer);
    EXPECT_TRUE(std::isnan(data[0]) && std::isnan(data[1]));
    return "";
  });
}

TEST(InProcess, IntegersWrapAround) {
  Collective sum = allReduce(2, {1}, TPC_I32);
  onThreads(2, optionsFor({sum}), [&](Communicator &communicator) -> std::string {
    int32_t data = std::numeric_limits<int32_t>::max();
    char *buffer[] = {reinterpret_cast<char *>(&data)};
    communicator.run(sum, buffer, buffer);
    EXPECT_EQ(data, -2);
    return "";
  });
}

TEST(InProcess, ManyStartsBeforeTheirWaitsInAnyOrder) {
  // 40 at once: more than may be outstanding, so some are finished early; waited for in reverse.
  std::vector<Collective> collectives;
  for (int i = 0; i < 40; ++i)
    collectives.push_back(allReduce(3, {5000}, TPC_F32, i));
  auto messages =
      onThreads(3, optionsFor(collectives), [&](Communicator &communicator) -> std::string {
        std::vector<std::vector<float>> data;
        for (int i = 0; i < 40; ++i)
          data.emplace_back(5000, static_cast<float>(i + communicator.rank()));
        for (int i = 0; i < 40; ++i) {
          char *buffer[] = {reinterpret_cast<char *>(data[i].data())};
          communicator.start(collectives[i], buffer, buffer);
        }
        for (int i = 40; i-- > 0;)
          communicator.wait(collectives[i]);
        for (int i = 0; i < 40; ++i)
          for (float value : data[i])
            if (value != static_cast<float>(3 * i + 3))
              return "collective " + std::to_string(i) + " got " + std::to_string(value);
        return "";
      });
  EXPECT_EQ(messages, std::vector<std::string>(3));
}

TEST(InProcess, NobodyWaitsForTheReadersOfSmallInputs) {
  // In the first round rank 1 waits only when rank 0 has all sums.
  constexpr int kSums = 12;
  std::vector<Collective> sums;
  for (int index = 0; index < kSums; ++index)
    sums.push_back(allReduce(2, {8}, TPC_F32, index));
  std::atomic<bool> firstHasAll = false;
  auto messages = onThreads(2, optionsFor(sums), [&](Communicator &communicator) -> std::string {
    for (int round = 0; round < 5; ++round) {
      std::vector<std::vector<float>> data(kSums, std::vector<float>(8, 1 + communicator.rank()));
      for (const Collective &sum : sums) {
        char *buffers[] = {reinterpret_cast<char *>(data[sum.index].data())};
        communicator.start(sum, buffers, buffers);
      }
      while (communicator.rank() == 1 && round == 0 && !firstHasAll)
        std::this_thread::yield();
      for (const Collective &sum : sums)
        communicator.wait(sum);
      if (communicator.rank() == 0)
        firstHasAll = true;
      for (const std::vector<float> &values : data)
        if (values != std::vector<float>(8, 3))
          return "another sum than 3";
    }
    return "";
  });
  EXPECT_EQ(messages, std::vector<std::string>(2));
}

TEST(InProcess, HostDataAndBarriers) {
  auto messages =
      onThreads(3, CommunicatorOptions(), [&](Communicator &communicator) -> std::string {
        std::vector<int> mine(20000, communicator.rank()), all(60000);
        communicator.gatherHost(mine.data(), mine.size() * sizeof(int), all.data());
        for (size_t i = 0; i < all.size(); ++i)
          if (all[i] != static_cast<int>(i / 20000))
            return "gathered " + std::to_string(all[i]) + " at " + std::to_string(i);
        int value = 10 + communicator.rank();
        communicator.broadcast(&value, sizeof(value), 2);
        communicator.barrier();
        communicator.finish();
        return value == 12 ? "" : "broadcast " + std::to_string(value);
      });
  EXPECT_EQ(messages, std::vector<std::string>(3));
}

TEST(InProcess, AbortReachesAWaitingRankWithItsMessage) {
  Collective collective = allReduce(2, {8});
  auto messages =
      onThreads(2, optionsFor({collective}), [&](Communicator &communicator) -> std::string {
        if (communicator.rank() == 1) {
          communicator.abort("rank 1 on here: disk full");
          return communicator.claimReport() && !communicator.claimReport() ? "" : "claimed wrongly";
        }
        float data[8] = {};
        char *buffer[] = {reinterpret_cast<char *>(data)};
        communicator.run(collective, buffer, buffer);
        return "";
      });
  EXPECT_EQ(messages[0], "rank 1 on here: disk full");
  EXPECT_EQ(messages[1], "");
}

TEST(InProcess, TimeoutNamesTheStalledRankAndItsLastCollective) {
  std::vector<Collective> collectives{allReduce(3, {8}), allReduce(3, {8}, TPC_F32, 1)};
  collectives[1].groups = {{0, 1, 2}};
  CommunicatorOptions options = optionsFor(collectives);
  options.timeoutSeconds = 0.3;
  auto messages = onThreads(3, options, [&](Communicator &communicator) -> std::string {
    float data[8] = {};
    char *buffer[] = {reinterpret_cast<char *>(data)};
    communicator.run(collectives[0], buffer, buffer);
    if (communicator.rank() == 2)
      return ""; // never gets to the second one
    communicator.run(collectives[1], buffer, buffer);
    return "";
  });
  for (int rank : {0, 1}) {
    EXPECT_NE(messages[rank].find("rank 2 on "), std::string::npos) << messages[rank];
    EXPECT_NE(
        messages[rank].find("waited 0.3 s in collective 1 (all_reduce over tp, module model.norm)"),
        std::string::npos)
        << messages[rank];
    EXPECT_NE(messages[rank].find("whose last operation was collective 0"), std::string::npos)
        << messages[rank];
  }
}

TEST(InProcess, RanksOnDifferentCollectivesAreTold) {
  std::vector<Collective> collectives{allReduce(2, {8}), allReduce(2, {8}, TPC_F32, 1)};
  auto messages =
      onThreads(2, optionsFor(collectives), [&](Communicator &communicator) -> std::string {
        float data[8] = {};
        char *buffer[] = {reinterpret_cast<char *>(data)};
        try {
          communicator.run(collectives[communicator.rank()], buffer, buffer);
        } catch (const Error &error) {
          communicator.abort(error.what());
          return communicator.failure();
        }
        return "";
      });
  EXPECT_NE(messages[0].find("the ranks do not run the same program"), std::string::npos)
      << messages[0];
  EXPECT_EQ(messages[0], messages[1]);
}

TEST(InProcess, LeavingEarlyIsAFailure) {
  auto communicators = createInProcessCommunicators(2, CommunicatorOptions());
  communicators[1].reset();
  EXPECT_TRUE(communicators[0]->failed());
  EXPECT_THROW(communicators[0]->barrier(), Error);
  EXPECT_NE(communicators[0]->failure().find("rank 1 on "), std::string::npos);
}

TEST(InProcess, WaitWithoutStartIsAnError) {
  auto communicators = createInProcessCommunicators(1, CommunicatorOptions());
  EXPECT_THROW(communicators[0]->wait(allReduce(1, {4})), Error);
}
} // namespace
