// The C functions that generated code calls, on threads as ranks.
#include "tpc/runtime/Context.h"
#include <gtest/gtest.h>
#include <thread>

using namespace tpc::runtime;

namespace {
Collective sumOfTwo() {
  Collective collective;
  collective.index = 0;
  collective.groups = {{0, 1}};
  collective.operands = {{{4}, {4}}};
  return collective;
}

std::vector<std::unique_ptr<tpc_context>> twoContexts() {
  CommunicatorOptions options;
  options.collectives = {sumOfTwo()};
  options.timeoutSeconds = 0.3;
  std::vector<std::unique_ptr<tpc_context>> contexts;
  for (auto &communicator : createInProcessCommunicators(2, options))
    contexts.push_back(std::make_unique<tpc_context>(Mesh{{{"dp", 1}, {"tp", 2}}},
                                                     options.collectives, std::move(communicator)));
  return contexts;
}

void sum(tpc_context *context, float *data) {
  char *buffer[] = {reinterpret_cast<char *>(data)};
  tpc_collective_start(context, 0, buffer, buffer);
  tpc_collective_wait(context, 0);
}

TEST(Context, CollectivesAndCounters) {
  auto contexts = twoContexts();
  EXPECT_EQ(tpc_axis_index(contexts[1].get(), 0), 0);
  EXPECT_EQ(tpc_axis_index(contexts[1].get(), 1), 1);
  float first[4] = {1, 2, 3, 4}, second[4] = {10, 20, 30, 40};
  std::thread other([&] { sum(contexts[1].get(), second); });
  sum(contexts[0].get(), first);
  other.join();
  EXPECT_EQ(first[3], 44);
  EXPECT_EQ(second[0], 11);
  EXPECT_EQ(contexts[0]->communicationBytes, 16);
  EXPECT_GT(contexts[0]->communicationSeconds, 0);
  EXPECT_EQ(tpc_failed(contexts[0].get()), 0);
  contexts[0]->check();
  contexts[0]->resetCounters();
  EXPECT_EQ(contexts[0]->communicationBytes, 0);
}

TEST(Context, AFailureIsRecordedOnceAndSeenByAll) {
  auto contexts = twoContexts();
  contexts[1]->fail("disk full");
  contexts[0]->fail("something later");
  EXPECT_NE(tpc_failed(contexts[0].get()), 0);
  float data[4] = {};
  sum(contexts[0].get(), data); // returns at once
  try {
    contexts[0]->check();
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(std::string(error.what()), "rank 1 on " + hostName() + ": disk full");
  }
}

TEST(Context, ATimeoutInGeneratedCodeBecomesAFailure) {
  auto contexts = twoContexts();
  float data[4] = {};
  sum(contexts[0].get(), data); // nobody answers
  EXPECT_NE(tpc_failed(contexts[1].get()), 0);
  EXPECT_THROW(contexts[1]->check(), Error);
}
} // namespace
