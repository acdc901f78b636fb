// LoopbackCommunicator on a stand-in for CUDA: the values of the other communicators, to the bit
// where the order of a sum matters.
#include "Cuda/LoopbackCommunicator.h"
#include "DeviceRanks.h"
#include <cmath>
#include <limits>

using namespace tpc::runtime;
using namespace tpc::runtime::test;

namespace {
TEST(Loopback, EveryCollective) { // some of each kind: kernels take their time on a processor
  expectCollectives(connectLoopback, {4, 3, 1}, 7);
}

TEST(Loopback, CollectivesGoFirst) {
  auto &priorities = tpc::test::fakeStreamPriorities();
  priorities.clear();
  onDeviceRanks(2, optionsFor({allReduce(2, 8)}), connectLoopback,
                [](Communicator &communicator, cudaStream_t) -> std::string {
                  communicator.finish();
                  return "";
                });
  EXPECT_EQ(std::count(priorities.begin(), priorities.end(), -5), 2); // a stream for each rank
}

TEST(Loopback, StreamsKeepTheOrderOfWork) { expectOrderOfWork(connectLoopback); }

/// What rank 0 has after an all_reduce of one element of each rank, in the order of `group`.
double reduced(tpc_dtype dtype, Reduction reduction, const Values &contributions,
               std::vector<int> group) {
  Collective collective = allReduce(static_cast<int>(group.size()), 1);
  collective.dtype = dtype;
  collective.reduction = reduction;
  collective.groups = {group};
  double result = 0;
  auto messages =
      onDeviceRanks(static_cast<int>(group.size()), optionsFor({collective}), connectLoopback,
                    [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                      std::vector<char> data = encode(dtype, {contributions[communicator.rank()]});
                      char *buffer[] = {data.data()};
                      communicator.run(collective, buffer, buffer);
                      cudaStreamSynchronize(stream);
                      communicator.barrier();
                      if (communicator.rank() == 0)
                        result = decode(dtype, data.data(), 1)[0];
                      communicator.finish();
                      return "";
                    });
  EXPECT_EQ(messages, std::vector<std::string>(group.size()));
  return result;
}

TEST(Loopback, SumsAreEvaluatedInGroupOrder) {
  EXPECT_EQ(reduced(TPC_F32, Reduction::Sum, {1e8, 1, -1e8}, {0, 1, 2}), 0);
  EXPECT_EQ(reduced(TPC_F32, Reduction::Sum, {1e8, 1, -1e8}, {0, 2, 1}), 1);
}

TEST(Loopback, Bf16RoundsOnceIntegersWrapAndNaNWins) {
  EXPECT_EQ(reduced(TPC_BF16, Reduction::Sum, {256, 1, 1}, {0, 1, 2}), 258);
  EXPECT_EQ(reduced(TPC_I32, Reduction::Sum, {2147483647, 1}, {0, 1}), -2147483648.0);
  double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(reduced(TPC_F32, Reduction::Max, {nan, 1}, {0, 1})));
  EXPECT_TRUE(std::isnan(reduced(TPC_F32, Reduction::Min, {1, nan}, {0, 1})));
}

TEST(Loopback, AFailureElsewhereEndsARankThatWaits) {
  auto messages = onDeviceRanks(2, optionsFor({allReduce(2, 8)}), connectLoopback,
                                [&](Communicator &communicator, cudaStream_t) -> std::string {
                                  if (communicator.rank() == 1) {
                                    communicator.abort("rank 1 on here: disk full");
                                    return communicator.failure();
                                  }
                                  Collective collective = allReduce(2, 8);
                                  std::vector<float> data(8);
                                  char *buffer[] = {reinterpret_cast<char *>(data.data())};
                                  communicator.run(collective, buffer, buffer);
                                  return "";
                                });
  EXPECT_EQ(messages, std::vector<std::string>(2, "rank 1 on here: disk full"));
}

TEST(Loopback, TooManyRanksAndWaitsWithoutStartAreErrors) {
  auto messages = onDeviceRanks(17, {}, connectLoopback, [](Communicator &, cudaStream_t) {
    return std::string("connected");
  });
  EXPECT_NE(messages[3].find("takes at most 16 ranks, got 17"), std::string::npos) << messages[3];
  messages = onDeviceRanks(1, {}, connectLoopback, [](Communicator &communicator, cudaStream_t) {
    communicator.wait(allReduce(1, 4));
    return std::string("waited");
  });
  EXPECT_NE(messages[0].find("is waited for and was not started"), std::string::npos);
}
} // namespace
