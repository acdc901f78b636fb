// NcclCommunicator on a stand-in for CUDA and NCCL: packing, grouping, order of streams, errors.
#include "Cuda/NcclCommunicator.h"
#include "Cuda/NcclOperation.h"
#include "DeviceRanks.h"
#include "Fork.h"
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace tpc::runtime;
using namespace tpc::runtime::test;

namespace {
/// Sets an environment variable for a test.
class Variable {
public:
  Variable(const char *name, const char *value) : name(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name); }

private:
  const char *name;
};

/// A device for each rank.
const bool kDevices = (tpc::test::fakeMachine().devices = 4, true);

template <typename Body>
std::vector<std::string> onRanks(int world, const CommunicatorOptions &options, Body body) {
  Variable library("TPC_NCCL_LIBRARY", FAKE_NCCL);
  return onDeviceRanks(world, options, connectNccl, body);
}

void expectEach(const std::vector<std::string> &messages, const std::string &part) {
  for (const std::string &message : messages)
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

/// The calls that rank 0 has made of the fake since the last time.
std::string newCalls() {
  static std::string before;
  auto log = reinterpret_cast<const char *(*)(int)>(
      dlsym(dlopen(FAKE_NCCL, RTLD_NOW | RTLD_LOCAL), "tpcFakeNcclLog"));
  std::string all = log(0), fresh = all.substr(before.size());
  before = all;
  return fresh;
}

TEST(Nccl, EveryCollective) {
  Variable library("TPC_NCCL_LIBRARY", FAKE_NCCL);
  expectCollectives(connectNccl, {4, 3, 1});
}

TEST(Nccl, CollectivesGoFirst) {
  auto &priorities = tpc::test::fakeStreamPriorities();
  priorities.clear();
  onRanks(2, optionsFor({allReduce(2, 8)}),
          [](Communicator &communicator, cudaStream_t) -> std::string {
            communicator.finish();
            return "";
          });
  EXPECT_EQ(std::count(priorities.begin(), priorities.end(), -5), 2); // a stream for each rank
}

TEST(Nccl, StreamsKeepTheOrderOfWork) {
  Variable library("TPC_NCCL_LIBRARY", FAKE_NCCL);
  expectOrderOfWork(connectNccl);
}

TEST(Nccl, OperandsOfACollectiveAreOneGroup) {
  newCalls();
  Collective sums = allReduce(2, 8), exchange = allReduce(2, 8, 1);
  sums.operands.push_back({{3}, {3}});
  exchange.op = CollectiveOp::AllToAll;
  exchange.operands = {{{4, 2}, {2, 4}}}; // split on dim 0, joined on dim 1
  exchange.concatDim = 1;
  std::vector<Collective> cases{sums, exchange};
  EXPECT_EQ(onRanks(2, optionsFor(cases),
                    [&](Communicator &communicator, cudaStream_t stream) {
                      Synchronized synchronized(communicator, stream);
                      std::string mistakes =
                          checkCollective(synchronized, sums,
                                          {expectedOutput(sums, communicator.rank(), 0),
                                           expectedOutput(sums, communicator.rank(), 1)},
                                          Placement::Region) +
                          checkCollective(synchronized, exchange,
                                          {expectedOutput(exchange, communicator.rank(), 0)},
                                          Placement::Region);
                      communicator.finish();
                      return mistakes;
                    }),
            std::vector<std::string>(2));
  EXPECT_EQ(newCalls(), "all_reduce all_reduce\nsend recv send recv\n");
}

TEST(Nccl, ScratchMemoryFollowsFromTheShapes) {
  Collective gather = allReduce(2, 0);
  gather.op = CollectiveOp::AllGather;
  gather.operands = {{{1, 2, 3}, {1, 4, 3}}};
  gather.dim = 1; // nothing but 1 before it
  EXPECT_EQ(NcclOperation::scratchBytes(gather, 0), 0u);
  gather.operands = {{{5, 20, 3}, {5, 40, 3}}, {{5, 2, 3}, {5, 4, 3}}};
  EXPECT_EQ(NcclOperation::scratchBytes(gather, 1), 2560u + 256u); // 2400 and 240 bytes, rounded up
  gather.groups = {{0}, {1}};
  gather.operands = {{{5, 20, 3}, {5, 20, 3}}};
  EXPECT_EQ(NcclOperation::scratchBytes(gather, 1), 0u); // a rank alone
}

TEST(Nccl, TheWatchdogNamesWhoStalledAndWhatIsWaitedFor) {
  std::vector<Collective> collectives{allReduce(3, 8), allReduce(3, 8, 1)};
  auto messages =
      onRanks(3, optionsFor(collectives, 0.5),
              [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                std::vector<float> data(8);
                char *buffer[] = {reinterpret_cast<char *>(data.data())};
                communicator.run(collectives[0], buffer, buffer);
                if (communicator.rank() != 2) // the others have begun the second one
                  communicator.run(collectives[1], buffer, buffer);
                cudaStreamSynchronize(stream); // returns because the watchdog has given up
                for (int wait = 0; wait < 2000 && !communicator.failed(); ++wait)
                  std::this_thread::sleep_for(std::chrono::milliseconds(1));
                return communicator.failure();
              });
  expectEach(messages, "rank 2 on ");
  expectEach(messages, " stalled: rank ");
  expectEach(messages, "waited 0.5 s for collective 1 (all_reduce over tp, module model.norm)");
  expectEach(messages, "the other collective 0 (all_reduce");
}

/// Ranks as processes that meet over shared memory: the others see the death of one in a
/// collective.
TEST(Nccl, ADeadProcessEndsWhatIsUnderWay) {
  Variable library("TPC_NCCL_LIBRARY", FAKE_NCCL);
  std::vector<Collective> collectives{allReduce(3, 8), allReduce(3, 8, 1)};
  std::string key = "nccl-test/" + std::to_string(getpid());
  std::vector<Child> children = runRanks(3, [&](int rank) -> std::string {
    CommunicatorOptions options = optionsFor(collectives);
    std::unique_ptr<Communicator> communicator = connectSharedMemory(rank, 3, key, options);
    cudaStream_t stream;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    connectNccl(communicator, options, stream);
    std::vector<float> data(8, static_cast<float>(rank));
    char *buffer[] = {reinterpret_cast<char *>(data.data())};
    communicator->run(collectives[0], buffer, buffer);
    cudaStreamSynchronize(stream);
    if (data != std::vector<float>(8, 3))
      return "wrong sum";
    if (rank == 1)
      raise(SIGKILL);
    communicator->run(collectives[1], buffer, buffer);
    cudaStreamSynchronize(stream); // returns because the watchdog has given up
    return communicator->failure();
  });
  EXPECT_TRUE(children[1].killedBy(SIGKILL)) << children[1].text;
  for (int rank : {0, 2}) {
    EXPECT_NE(children[rank].text.find("rank 1 on "), std::string::npos) << children[rank].text;
    EXPECT_NE(children[rank].text.find("died after collective 0 (all_reduce over tp, module "
                                       "model.norm)"),
              std::string::npos)
        << children[rank].text;
  }
}

TEST(Nccl, AFailureElsewhereEndsWhatIsUnderWay) {
  std::vector<Collective> collectives{allReduce(2, 8)};
  auto messages = onRanks(2, optionsFor(collectives),
                          [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                            if (communicator.rank() == 1) {
                              communicator.abort("rank 1 on here: disk full");
                              return communicator.failure();
                            }
                            std::vector<float> data(8);
                            char *buffer[] = {reinterpret_cast<char *>(data.data())};
                            communicator.run(collectives[0], buffer, buffer);
                            cudaStreamSynchronize(stream);
                            return communicator.failure();
                          });
  EXPECT_EQ(messages, std::vector<std::string>(2, "rank 1 on here: disk full"));
}

TEST(Nccl, AnErrorBehindTheCallsIsReportedWithTheCollective) {
  Variable fail("TPC_FAKE_NCCL_ASYNC", "1");
  std::vector<Collective> collectives{allReduce(2, 8)};
  auto messages = onRanks(2, optionsFor(collectives),
                          [&](Communicator &communicator, cudaStream_t) -> std::string {
                            std::vector<float> data(8);
                            char *buffer[] = {reinterpret_cast<char *>(data.data())};
                            communicator.run(collectives[0], buffer, buffer);
                            for (int wait = 0; wait < 2000 && !communicator.failed(); ++wait)
                              std::this_thread::sleep_for(std::chrono::milliseconds(1));
                            return communicator.failure();
                          });
  expectEach(messages, "NCCL reports remote process exited or there was a network error: said by "
                       "the fake, after collective 0 (all_reduce over tp, module model.norm)");
}

TEST(Nccl, CallsThatFailNameThemselvesAndTheRank) {
  auto one = [](Communicator &communicator, cudaStream_t) -> std::string {
    Collective collective = allReduce(2, 8);
    std::vector<float> data(8);
    char *buffer[] = {reinterpret_cast<char *>(data.data())};
    communicator.run(collective, buffer, buffer);
    return "";
  };
  for (const char *call : {"ncclCommInitRankConfig", "ncclAllReduce"}) {
    Variable fail("TPC_FAKE_NCCL_FAIL", call);
    auto messages = onRanks(2, optionsFor({allReduce(2, 8)}), one);
    std::string name = std::strcmp(call, "ncclAllReduce") ? "ncclCommInitRank" : call;
    for (const std::string &message : messages)
      EXPECT_NE(message.find(name + " failed: unhandled system error: said by the fake"),
                std::string::npos)
          << message;
  }
}

/// What `give` gives the device, recorded into a graph of the stream; what is recorded is given
/// with every replay.
cudaGraphExec_t recordGraph(Communicator &communicator, cudaStream_t stream,
                            const std::function<void()> &give) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  communicator.record(give);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  return executable;
}

TEST(Nccl, RecordedCollectivesAreReplayed) {
  std::vector<Collective> collectives{allReduce(3, 8), allReduce(3, 8, 1)};
  auto messages =
      onRanks(3, optionsFor(collectives),
              [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                std::vector<float> first(8, 1), second(8, static_cast<float>(communicator.rank()));
                char *a[] = {reinterpret_cast<char *>(first.data())},
                     *b[] = {reinterpret_cast<char *>(second.data())};
                cudaGraphExec_t graph = recordGraph(communicator, stream, [&] {
                  communicator.start(collectives[0], a, a);
                  communicator.run(collectives[1], b, b);
                  communicator.wait(collectives[0]);
                });
                if (first[0] != 1 || second[0] != static_cast<float>(communicator.rank()))
                  return "done while it was recorded";
                for (int replay = 0; replay < 3; ++replay)
                  communicator.replay([&] { cudaGraphLaunch(graph, stream); });
                cudaStreamSynchronize(stream);
                communicator.finish(); // every rank has begun the same collectives
                return first == std::vector<float>(8, 27) && second == std::vector<float>(8, 27)
                           ? ""
                           : "wrong sums";
              });
  EXPECT_EQ(messages, std::vector<std::string>(3));
}

TEST(Nccl, TheWatchdogSeesAReplayThatARankDoesNotBegin) {
  std::vector<Collective> collectives{allReduce(2, 8)};
  auto messages =
      onRanks(2, optionsFor(collectives, 0.5),
              [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                std::vector<float> data(8);
                char *buffer[] = {reinterpret_cast<char *>(data.data())};
                cudaGraphExec_t graph = recordGraph(communicator, stream, [&] {
                  communicator.run(collectives[0], buffer, buffer);
                });
                for (int replay = 0; replay < 3 - communicator.rank(); ++replay)
                  communicator.replay([&] { cudaGraphLaunch(graph, stream); });
                cudaStreamSynchronize(stream); // returns because the watchdog has given up
                for (int wait = 0; wait < 2000 && !communicator.failed(); ++wait)
                  std::this_thread::sleep_for(std::chrono::milliseconds(1));
                return communicator.failure();
              });
  expectEach(messages, "rank 1 on ");
  expectEach(messages, " stalled: rank 0");
  expectEach(messages,
             "waited 0.5 s for the collectives of replay 3 of the recorded step on its GPU");
  expectEach(messages, "the other the collectives of replay 2 of the recorded step");
}

TEST(Nccl, ACollectiveThatAllHaveBegunAndThatHangsIsNamed) {
  Variable hang("TPC_FAKE_NCCL_HANG", "1");
  std::vector<Collective> collectives{allReduce(2, 8)};
  auto messages = onRanks(2, optionsFor(collectives, 0.5),
                          [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                            std::vector<float> data(8);
                            char *buffer[] = {reinterpret_cast<char *>(data.data())};
                            communicator.run(collectives[0], buffer, buffer);
                            cudaStreamSynchronize(stream); // returns: the watchdog has given up
                            return communicator.failure();
                          });
  expectEach(messages,
             "waited 0.5 s for collective 0 (all_reduce over tp, module model.norm) on its "
             "GPU: the GPU of another rank, or what connects them, hangs");
}

TEST(Nccl, NoMemoryOnTheDeviceHasARemedy) {
  Variable full("TPC_FAKE_NCCL_FULL", "1");
  expectEach(onRanks(2, optionsFor({allReduce(2, 8)}),
                     [](Communicator &, cudaStream_t) { return std::string("connected"); }),
             "ncclCommInitRank failed: unhandled cuda error: said by the fake: if the GPU has no "
             "memory left beside the program's, use a smaller --batch");
}

TEST(Nccl, ProcessesWithOtherVersionsOfTheLibraryAreFound) {
  Variable library("TPC_NCCL_LIBRARY", FAKE_NCCL);
  std::string key = "nccl-versions/" + std::to_string(getpid());
  std::vector<Child> children = runRanks(2, [&](int rank) -> std::string {
    setenv("TPC_FAKE_NCCL_VERSION", rank == 0 ? "22809" : "22203", 1);
    CommunicatorOptions options = optionsFor({allReduce(2, 8)});
    std::unique_ptr<Communicator> communicator = connectSharedMemory(rank, 2, key, options);
    try {
      connectNccl(communicator, options, nullptr);
    } catch (const Error &error) {
      communicator->barrier(); // both have seen the versions before one leaves
      return error.what();
    }
    return "connected";
  });
  for (const Child &child : children) {
    EXPECT_NE(child.text.find("rank 1 on "), std::string::npos) << child.text;
    EXPECT_NE(child.text.find("has another version of NCCL than rank 0"), std::string::npos)
        << child.text;
    EXPECT_NE(child.text.find(": 22203, not 22809"), std::string::npos) << child.text;
  }
}

TEST(Nccl, RanksWithOtherCollectivesAreFound) {
  std::vector<Collective> collectives{allReduce(2, 8), allReduce(2, 8, 1)};
  auto messages = onRanks(2, optionsFor(collectives),
                          [&](Communicator &communicator, cudaStream_t stream) -> std::string {
                            std::vector<float> data(8);
                            char *buffer[] = {reinterpret_cast<char *>(data.data())};
                            communicator.run(collectives[communicator.rank()], buffer, buffer);
                            cudaStreamSynchronize(stream);
                            communicator.finish();
                            return "";
                          });
  expectEach(messages, "rank 1 on ");
  expectEach(messages, "has executed other collectives than rank 0");
}

TEST(Nccl, MissingAndOldLibrariesAreNamedWithTheRemedy) {
  auto connectWith = [](const char *variable, const char *value) {
    return onRanks(2, optionsFor({allReduce(2, 8)}), [&](Communicator &, cudaStream_t) {
      return std::string("connected with ") + variable + value;
    });
  };
  {
    Variable old("TPC_FAKE_NCCL_VERSION", "21005");
    expectEach(connectWith("", ""), "is of no use: it has version 2.10.5; wanted is version 2.18 "
                                    "or newer: install libnccl2");
  }
  Variable library("TPC_NCCL_LIBRARY", "/nowhere/libnccl.so.2");
  CommunicatorOptions options = optionsFor({allReduce(2, 8)});
  std::vector<std::thread> threads;
  std::vector<std::string> messages(2);
  auto pair = createInProcessCommunicators(2, {});
  for (int rank = 0; rank < 2; ++rank)
    threads.emplace_back([&, rank] {
      try {
        std::unique_ptr<Communicator> communicator = std::move(pair[rank]);
        connectNccl(communicator, options, nullptr);
      } catch (const Error &error) {
        messages[rank] = error.what();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  expectEach(messages, "no NCCL found on ");
  expectEach(messages, "wanted is version 2.18 or newer: install libnccl2 or the wheel");
  expectEach(messages, "/nowhere/libnccl.so.2");
}

TEST(Nccl, TheRealLibraryHasEveryFunction) {
  // Opened here, used only with a GPU: the table of functions is complete and of these types.
  void *real = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!real)
    GTEST_SKIP() << "no NCCL on this machine";
  for (const char *symbol :
       {"ncclCommInitRankConfig", "ncclCommSplit", "ncclMemAlloc", "ncclCommWindowRegister"})
    EXPECT_NE(dlsym(real, symbol), nullptr) << symbol;
}
} // namespace
