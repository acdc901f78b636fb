// A GPU as a device, on the stand-ins of test/Fake: late work, memory full of NaN, products by
// definition.
#include "Cuda/CudaDevice.h"
#include "Cuda/LoopbackCommunicator.h"
#include "Cuda/OwnDevice.h"
#include "Fake/FakeCudaDevice.h"
#include "Measure/Measure.h"
#include "Unit/RuntimeContext.h"
#include "Unit/TemporaryFolder.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>

using namespace tpc;
using namespace tpc::runtime;

namespace {

class CudaDeviceTest : public testing::Test {
protected:
  CudaDeviceTest() {
    setenv("TPC_CUBLASLT_LIBRARY", FAKE_CUBLASLT, 1);
    setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
    test::fakeMachine() = {};
    test::fakeLaunches().clear();
  }
  ~CudaDeviceTest() override {
    for (const char *name : {"FAKE_CUBLASLT_VERSION", "FAKE_CUBLASLT_FULL", "FAKE_CUDNN_VERSION",
                             "FAKE_CUDNN_FULL", "TPC_ATTENTION", "TPC_CUDNN_LIBRARY"})
      unsetenv(name);
  }

  std::string failureOf(DeviceOptions options) {
    try {
      openCudaDevice(options);
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  }
  /// A context whose device is the stand-in's GPU.
  std::unique_ptr<tpc_context> makeContext() {
    auto context = test::makeContext();
    context->device = openCudaDevice(options);
    workspace = context->device->allocate(1 << 16);
    context->device->useWorkspace(*context, workspace.get(), 1 << 16);
    return context;
  }
  template <typename T>
  std::shared_ptr<char> put(tpc_context &context, const std::vector<T> &values) {
    auto memory = context.device->allocate(values.size() * sizeof(T));
    context.device->copyFromHost(memory.get(), values.data(), values.size() * sizeof(T));
    return memory;
  }
  template <typename T>
  std::vector<T> get(tpc_context &context, const std::shared_ptr<char> &memory, size_t count) {
    std::vector<T> values(count);
    context.device->copyToHost(values.data(), memory.get(), count * sizeof(T));
    return values;
  }

  test::TemporaryFolder folder;
  DeviceOptions options = [] {
    DeviceOptions some;
    some.arch = "sm_90", some.arenaBytes = 1 << 30, some.batch = 8;
    some.memory = {{"parameters", 1 << 28}, {"activations", 3 << 28}};
    return some;
  }();
  std::shared_ptr<char> workspace;
};

//===-- what is wrong with a machine -------------------------------------------===//

TEST_F(CudaDeviceTest, NoDriver) {
  test::fakeMachine().driver = 0;
  EXPECT_NE(failureOf(options).find("no NVIDIA driver on"), std::string::npos);
  EXPECT_NE(failureOf(options).find("--target=cpu"), std::string::npos);
}

TEST_F(CudaDeviceTest, DriverTooOld) {
  test::fakeMachine().driver = 11080;
  EXPECT_NE(failureOf(options).find("knows CUDA up to 11.8, this program was linked with " +
                                    std::to_string(CUDART_VERSION / 1000) + "."),
            std::string::npos);
}

TEST_F(CudaDeviceTest, NoDevice) {
  test::fakeMachine().devices = 0;
  EXPECT_NE(failureOf(options).find("no GPU on"), std::string::npos);
}

TEST_F(CudaDeviceTest, MoreRanksThanDevices) {
  test::fakeMachine().devices = 2;
  options.place = {1, 3, DevicePlace::None};
  EXPECT_EQ(failureOf(options), "");
  options.place.rank = 2;
  EXPECT_NE(
      failureOf(options).find("the host has 2, each rank needs its own: start at most 2 ranks"),
      std::string::npos);
  options.place.sharing = DevicePlace::RoundRobin;
  EXPECT_EQ(failureOf(options), "");
}

TEST_F(CudaDeviceTest, ARankMaySeeOneDeviceOnly) {
  options.place = {3, 4, DevicePlace::None};
  EXPECT_EQ(failureOf(options), "");
}

TEST_F(CudaDeviceTest, WrongArchitecture) {
  test::fakeMachine().arch = 80;
  EXPECT_NE(
      failureOf(options).find("is sm_80, this program is for sm_90: compile with --arch=sm_80"),
      std::string::npos);
  test::fakeMachine().arch = 86; // a later minor version runs sm_80
  options.arch = "sm_80";
  EXPECT_EQ(failureOf(options), "");
  test::fakeMachine().arch = 120, options.arch = "sm_100";
  EXPECT_NE(failureOf(options).find("is sm_120, this program is for sm_100"), std::string::npos);
}

constexpr size_t kMiB = size_t(1) << 20, kLibraries = 512 * kMiB;

TEST_F(CudaDeviceTest, TooLittleMemory) {
  // 256 MiB are fixed, 96 MiB come with each of 8 sequences: 640 MiB hold 4.
  test::fakeMachine().freeBytes = kLibraries + 640 * kMiB;
  std::string message = failureOf(options);
  EXPECT_NE(message.find("needs 1.00 GiB (parameters 256 MiB, activations 768 MiB) and 512 MiB for "
                         "libraries, 1.12 GiB of"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("a --batch of at most about 4 instead of 8"), std::string::npos)
      << message;
  test::fakeMachine().freeBytes = kLibraries + 200 * kMiB;
  EXPECT_NE(failureOf(options).find("no --batch fits"), std::string::npos);
  test::fakeMachine().freeBytes = 200 * kMiB;
  EXPECT_NE(failureOf(options).find("no --batch fits"), std::string::npos);
}

TEST_F(CudaDeviceTest, CommunicationTakesMemoryBesideTheArena) {
  options.collectives = {Collective()};
  test::fakeMachine().freeBytes = 2 * kLibraries + 1024 * kMiB;
  EXPECT_EQ(failureOf(options), "");
  test::fakeMachine().freeBytes -= 1;
  EXPECT_NE(failureOf(options).find("activations 768 MiB) and 1.00 GiB for"), std::string::npos)
      << failureOf(options);
}

TEST_F(CudaDeviceTest, RanksThatShareADeviceShareItsMemory) {
  test::fakeMachine().freeBytes = kLibraries + 3072 * kMiB;
  options.place = {0, 3, DevicePlace::First};
  EXPECT_EQ(failureOf(options), "");
  options.place.ranks = 4;
  EXPECT_NE(failureOf(options).find("needs 4 x 1.00 GiB"), std::string::npos);
  test::fakeMachine().devices = 2; // two of four
  EXPECT_NE(failureOf(options).find("needs 4 x 1.00 GiB"), std::string::npos);
  options.place.sharing = DevicePlace::RoundRobin;
  EXPECT_EQ(failureOf(options), "");
  options.place.ranks = 7; // four of seven
  EXPECT_NE(failureOf(options).find("needs 4 x 1.00 GiB"), std::string::npos);
}

TEST_F(CudaDeviceTest, MemoryThatIsGoneSinceTheStart) {
  auto device = openCudaDevice(options);
  test::fakeMachine().largestAllocation = 1 << 20;
  test::fakeMachine().freeBytes = kLibraries + 640 * kMiB;
  try {
    device->allocate(1 << 30);
    FAIL() << "allocated";
  } catch (const Error &error) {
    std::string message = error.what();
    EXPECT_NE(message.find("no memory for 1.00 GiB on GPU 0 of "), std::string::npos) << message;
    EXPECT_NE(message.find("a --batch of at most about 4 instead of 8"), std::string::npos)
        << message;
  }
}

/// What checkOwnDevice says to each of the ranks with these devices.
std::vector<std::string> compareDevices(const std::vector<char> &devices) {
  auto ranks = createInProcessCommunicators(static_cast<int>(devices.size()), {});
  std::vector<std::string> said(devices.size());
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < devices.size(); ++rank)
    threads.emplace_back([&, rank] {
      cudaUUID_t device = {};
      device.bytes[7] = devices[rank];
      try {
        checkOwnDevice(*ranks[rank], device);
      } catch (const Error &error) {
        said[rank] = error.what();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  return said;
}

TEST(OwnDevice, TwoRanksWithOneAreRefused) {
  for (const std::string &said : compareDevices({1, 2, 1})) {
    EXPECT_NE(said.find("ranks 0 and 2 have one GPU"), std::string::npos) << said;
    EXPECT_NE(said.find("--share-gpu"), std::string::npos) << said;
  }
  EXPECT_EQ(compareDevices({1, 2, 3}), std::vector<std::string>(3));
  EXPECT_EQ(compareDevices({0, 0}), std::vector<std::string>(2)) << "nothing is known";
}

//===-- memory and kernels -----------------------------------------------------===//

TEST_F(CudaDeviceTest, MemoryIsZeroAndCopiesKeepTheirOrder) {
  auto context = makeContext();
  auto memory = context->device->allocate(64);
  EXPECT_EQ(get<char>(*context, memory, 64), std::vector<char>(64, 0));
  std::vector<int> source = {1};
  for (int i = 0; i < 100; ++i) { // the source changes while copies are under way
    source[0] = i;
    context->device->copyFromHost(memory.get(), source.data(), 4);
    context->device->copy(memory.get() + 4, memory.get(), 4);
  }
  EXPECT_EQ(get<int>(*context, memory, 2), (std::vector<int>{99, 99}));
  context->device->fillZero(memory.get(), 4);
  EXPECT_EQ(get<int>(*context, memory, 2), (std::vector<int>{0, 99}));
}

TEST_F(CudaDeviceTest, MoreThanTheStagingMemoryHolds) {
  auto context = makeContext();
  size_t piece = Staging::capacity / 8, pieces = 20;
  auto memory = context->device->allocate(piece * pieces);
  std::vector<char> source(piece);
  for (size_t i = 0; i < pieces; ++i) {
    std::fill(source.begin(), source.end(), static_cast<char>(i));
    context->device->copyFromHost(memory.get() + i * piece, source.data(), piece);
  }
  auto all = get<char>(*context, memory, piece * pieces);
  for (size_t i = 0; i < pieces; ++i)
    EXPECT_EQ(all[i * piece + piece - 1], static_cast<char>(i));
  std::vector<char> large(Staging::capacity, 'x');
  context->device->copyFromHost(memory.get(), large.data(), large.size());
  EXPECT_EQ(get<char>(*context, memory, large.size()), large);
}

TEST_F(CudaDeviceTest, ComputationGivesWayToCommunication) {
  test::fakeStreamPriorities().clear();
  auto context = makeContext();
  EXPECT_EQ(test::fakeStreamPriorities(), std::vector<int>{0}); // the lowest
}

/// y = n x, by the device's "code".
void scaleKernel(char *const *arguments) {
  auto factor = static_cast<float>(reinterpret_cast<intptr_t>(arguments[1]));
  *reinterpret_cast<float *>(arguments[2]) = factor * *reinterpret_cast<float *>(arguments[0]);
}

TEST_F(CudaDeviceTest, LaunchesKernelsWithTheirArguments) {
  auto context = makeContext();
  static const test::FakeKernel code[] = {{"scale", 3, scaleKernel}, {nullptr, 0, nullptr}};
  tpc_program program = {};
  program.device_code = reinterpret_cast<const char *>(code);
  context->device->load(program);
  auto x = put<float>(*context, {3}), y = put<float>(*context, {0});
  char *arguments[] = {x.get(), reinterpret_cast<char *>(intptr_t(5)), y.get()};
  tpc_device_kernel_desc desc = {"scale", 3, 7, 128, 64};
  tpc_launch_device(context.get(), &desc, arguments);
  arguments[1] = nullptr; // the launch has its own
  EXPECT_EQ(get<float>(*context, y, 1), std::vector<float>{15});
  EXPECT_EQ(test::fakeLaunches(), std::vector<std::string>{"scale <<<7, 128, 64>>>"});
  desc.name = "none";
  tpc_launch_device(context.get(), &desc, arguments);
  EXPECT_NE(context->communicator->failure().find("finding kernel none failed"), std::string::npos);
}

//===-- marks and recordings ---------------------------------------------------===//

TEST_F(CudaDeviceTest, MarksComeWithTheWorkBeforeThem) {
  auto context = makeContext();
  Device &device = *context->device;
  auto memory = device.allocate(8);
  auto host = device.allocateHost(8);
  for (int round = 0; round < 50; ++round) {
    auto begin = device.mark();
    for (int i = 0; i < 8; ++i)
      device.copyFromHost(memory.get(), &round, sizeof(round));
    device.fetch(host.get(), memory.get(), sizeof(round));
    auto end = device.mark();
    end->wait();
    EXPECT_EQ(*reinterpret_cast<int *>(host.get()), round);
    EXPECT_GT(end->secondsSince(*begin), 0);
  }
}

TEST_F(CudaDeviceTest, RecordedWorkIsDoneWhenItIsReplayed) {
  auto context = makeContext();
  Device &device = *context->device;
  static const test::FakeKernel code[] = {{"scale", 3, scaleKernel}, {nullptr, 0, nullptr}};
  tpc_program program = {};
  program.device_code = reinterpret_cast<const char *>(code);
  device.load(program);
  auto x = put<float>(*context, {3}), y = put<float>(*context, {1}), z = put<float>(*context, {2});
  device.beginRecording();
  EXPECT_TRUE(device.isRecording());
  char *arguments[] = {x.get(), reinterpret_cast<char *>(intptr_t(5)), y.get()};
  tpc_device_kernel_desc desc = {"scale", 3, 1, 32, 0};
  tpc_launch_device(context.get(), &desc, arguments);
  tpc_copy(context.get(), z.get(), y.get(), 4);
  auto recording = device.endRecording();
  EXPECT_FALSE(device.isRecording());
  EXPECT_EQ(get<float>(*context, z, 1), std::vector<float>{2});
  for (float value : {3.0f, 4.0f}) {
    device.copyFromHost(x.get(), &value, sizeof(value));
    device.replay(*recording);
    EXPECT_EQ(get<float>(*context, z, 1), std::vector<float>{5 * value});
  }
  EXPECT_EQ(context->communicator->failure(), "");
}

TEST_F(CudaDeviceTest, WhatWaitsOrAllocatesCannotBeRecorded) {
  auto context = makeContext();
  Device &device = *context->device;
  auto memory = put<float>(*context, {3});
  float value;
  for (bool allocates : {false, true}) {
    device.beginRecording();
    if (allocates)
      EXPECT_THROW(device.allocate(64), Error);
    else
      EXPECT_THROW(device.copyToHost(&value, memory.get(), sizeof(value)), Error);
    try {
      device.endRecording();
      FAIL() << "recorded";
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find("recording a step as a CUDA graph failed"),
                std::string::npos);
    }
    EXPECT_EQ(get<float>(*context, memory, 1), std::vector<float>{3}); // as before
  }
}

TEST_F(CudaDeviceTest, AProcessorRecordsNothing) {
  EXPECT_THROW(test::makeContext()->device->beginRecording(), Error);
}

//===-- products ---------------------------------------------------------------===//

/// Small multiples of 1/4: products and sums are exact in every type.
std::vector<float> quarters(size_t count, int seed) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] =
        static_cast<float>(static_cast<int>((i * 7 + static_cast<size_t>(seed)) % 9) - 4) / 4;
  return values;
}

/// The same on the processor.
std::vector<float> expected(const tpc_contract_desc &desc, std::vector<float> a,
                            std::vector<float> b, std::vector<float> c) {
  auto context = test::makeContext();
  auto raw = [](std::vector<float> &v) { return reinterpret_cast<char *>(v.data()); };
  tpc_contract(context.get(), &desc, raw(a), raw(b), raw(c));
  return c;
}

TEST_F(CudaDeviceTest, ProductsOfEveryOrder) {
  auto context = makeContext();
  constexpr int64_t batch = 2, m = 3, n = 5, k = 4;
  auto a = quarters(batch * m * k, 1), b = quarters(batch * k * n, 2),
       c = quarters(batch * m * n, 3);
  for (int order = 0; order < 32; ++order) {
    bool aRows = order & 1, bRows = order & 2, cRows = order & 4, sharedB = order & 8;
    tpc_contract_desc desc = {TPC_F32,
                              TPC_F32,
                              batch,
                              m,
                              n,
                              k,
                              m * k,
                              aRows ? k : 1,
                              aRows ? 1 : m,
                              sharedB ? 0 : k * n,
                              bRows ? n : 1,
                              bRows ? 1 : k,
                              m * n,
                              cRows ? n : 1,
                              cRows ? 1 : m,
                              (order & 16) != 0};
    auto da = put(*context, a), db = put(*context, b), dc = put(*context, c);
    tpc_contract(context.get(), &desc, da.get(), db.get(), dc.get());
    EXPECT_EQ(context->communicator->failure(), "");
    EXPECT_EQ(get<float>(*context, dc, c.size()), expected(desc, a, b, c)) << order;
  }
}

TEST_F(CudaDeviceTest, ProductsThatAddFromElsewhere) {
  auto context = makeContext();
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 3, 5, 4, 12, 4, 1, 20, 5, 1, 15, 5, 1, 1};
  auto a = quarters(12, 1), b = quarters(20, 2), addend = quarters(15, 3);
  auto da = put(*context, a), db = put(*context, b), added = put(*context, addend),
       dc = put(*context, std::vector<float>(15, 7));
  tpc_contract_add(context.get(), &desc, da.get(), db.get(), added.get(), dc.get());
  EXPECT_EQ(context->communicator->failure(), "");
  EXPECT_EQ(get<float>(*context, dc, 15), expected(desc, a, b, addend));
  EXPECT_EQ(get<float>(*context, added, 15), addend);
}

TEST_F(CudaDeviceTest, ProductsOfSingleRowsAndColumns) {
  auto context = makeContext();
  for (auto [m, n, k] : {std::array<int64_t, 3>{1, 5, 4}, {3, 1, 4}, {3, 5, 1}, {1, 1, 1}}) {
    auto a = quarters(static_cast<size_t>(m * k), 1), b = quarters(static_cast<size_t>(k * n), 2),
         c = quarters(static_cast<size_t>(m * n), 3);
    tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, m, n,     k, m * k, k,
                              1,       k * n,   1, k, m * n, n, 1,     0};
    auto da = put(*context, a), db = put(*context, b), dc = put(*context, c);
    tpc_contract(context.get(), &desc, da.get(), db.get(), dc.get());
    EXPECT_EQ(get<float>(*context, dc, c.size()), expected(desc, a, b, c)) << m << n << k;
  }
}

TEST_F(CudaDeviceTest, AlgorithmsAreKept) {
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 2, 2, 2, 4, 2, 1, 4, 2, 1, 4, 2, 1, 0};
  std::vector<float> ones(4, 1);
  auto multiply = [&] {
    auto context = makeContext();
    auto a = put(*context, ones), c = put(*context, ones);
    tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
    EXPECT_EQ(context->communicator->failure(), "");
    EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 2));
  };
  auto lines = [&] {
    std::ifstream file(folder / "cache/tpc/cublaslt-130100-Fake_GPU");
    std::vector<std::string> result;
    for (std::string line; std::getline(file, line);)
      result.push_back(line);
    return result;
  };
  multiply();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_NE(lines()[0].find("7470632066616b65"), std::string::npos);
  multiply(); // finds it
  EXPECT_EQ(lines().size(), 1u);
  std::string product = lines()[0].substr(0, lines()[0].find(' '));
  std::ofstream(folder / "cache/tpc/cublaslt-130100-Fake_GPU")
      << product << " 1 2\n" // too short
      << "nonsense\n"
      << product << " 5 0 0 0 0 0 0 0\n"; // another library's
  multiply();                             // asks again
  EXPECT_EQ(lines().size(), 4u);
}

TEST_F(CudaDeviceTest, ARehearsalChoosesAlgorithmsAndComputesNothing) {
  auto context = makeContext();
  auto a = put(*context, std::vector<float>(4, 1)), c = put(*context, std::vector<float>(4, 7));
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 2, 2, 2, 4, 2, 1, 4, 2, 1, 4, 2, 1, 0};
  auto choices = [&] {
    std::ifstream file(folder / "cache/tpc/cublaslt-130100-Fake_GPU");
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  context->rehearsing = true;
  tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
  tpc_copy(context.get(), c.get(), a.get(), 4 * sizeof(float));
  EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 7));
  EXPECT_EQ(choices(), 1);
  context->rehearsing = false;
  tpc_contract(context.get(), &desc, a.get(), a.get(), c.get());
  EXPECT_EQ(get<float>(*context, c, 4), std::vector<float>(4, 2));
  EXPECT_EQ(choices(), 1); // as rehearsed
}

TEST_F(CudaDeviceTest, AMissingOrOldLibraryIsNamed) {
  tpc_contract_desc desc = {TPC_F32, TPC_F32, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  auto failure = [&] {
    auto context = makeContext();
    tpc_contract(context.get(), &desc, workspace.get(), workspace.get(), workspace.get());
    return context->communicator->failure();
  };
  setenv("TPC_CUBLASLT_LIBRARY", "/none/libcublasLt.so.13", 1);
  EXPECT_NE(failure().find("no cuBLASLt found on"), std::string::npos);
  EXPECT_NE(failure().find("nvidia-cublas"), std::string::npos);
  setenv("TPC_CUBLASLT_LIBRARY", FAKE_CUBLASLT, 1);
  setenv("FAKE_CUBLASLT_VERSION", "110803", 1);
  EXPECT_NE(failure().find("it is version 11.8; wanted is that of CUDA 12 or 13"),
            std::string::npos);
  unsetenv("FAKE_CUBLASLT_VERSION");
  setenv("FAKE_CUBLASLT_FULL", "1", 1);
  EXPECT_NE(failure().find("CUBLAS_STATUS_ALLOC_FAILED: the library finds no memory beside the "
                           "program's"),
            std::string::npos);
}

TEST_F(CudaDeviceTest, LibrariesThatAreNeededAreOpenedFirst) {
  setenv("TPC_CUBLASLT_LIBRARY", "/none/libcublasLt.so.13", 1);
  setenv("TPC_CUDNN_LIBRARY", "/none/libcudnn.so.9", 1);
  EXPECT_EQ(failureOf(options), "");
  options.products = true;
  EXPECT_NE(failureOf(options).find("no cuBLASLt found on"), std::string::npos);
  options.products = false, options.bf16HeadLength = 64;
  EXPECT_NE(failureOf(options).find("no cuDNN found on"), std::string::npos);
  options.bf16HeadLength = 20; // these heads are not cuDNN's
  EXPECT_EQ(failureOf(options), "");
  options.bf16HeadLength = 64;
  setenv("TPC_ATTENTION", "kernels", 1);
  EXPECT_EQ(failureOf(options), "");
}

TEST_F(CudaDeviceTest, AnOldOrFullAttentionLibraryIsNamed) {
  setenv("TPC_CUDNN_LIBRARY", FAKE_CUDNN, 1);
  options.bf16HeadLength = 64;
  EXPECT_EQ(failureOf(options), "");
  setenv("FAKE_CUDNN_VERSION", "90700", 1);
  EXPECT_NE(failureOf(options).find("it has version 90700; wanted is version 9.8 or newer of 9: "
                                    "install cudnn9-cuda-13"),
            std::string::npos)
      << failureOf(options);
  unsetenv("FAKE_CUDNN_VERSION");
  setenv("FAKE_CUDNN_FULL", "1", 1);
  EXPECT_NE(failureOf(options).find("DEVICE_ALLOCATION_FAILED (said by the fake): cuDNN finds no "
                                    "memory beside the program's; use a smaller --batch"),
            std::string::npos)
      << failureOf(options);
}

//===-- embedding, initial values, dropout -------------------------------------===//

TEST_F(CudaDeviceTest, EmbeddingAndItsGradientAsOnAProcessor) {
  auto gpu = makeContext();
  auto cpu = test::makeContext();
  std::vector<int32_t> ids = {4, 6, 3, 6, 9, 4, 6};
  for (int64_t width : {4, 3}) { // rows of 16 bytes, and of no multiple of that
    auto table = quarters(static_cast<size_t>(3 * width), 1);
    std::vector<float> dOut(7 * static_cast<size_t>(width));
    for (size_t i = 0; i < dOut.size(); ++i)
      dOut[i] = 1.0f / static_cast<float>(i + 3); // sums depend on their order
    std::vector<float> out(dOut.size()), dTable(table.size());
    auto raw = [](auto &v) { return reinterpret_cast<char *>(v.data()); };
    tpc_embedding(cpu.get(), TPC_F32, 7, 3, width, 4, raw(ids), raw(table), raw(out));
    tpc_embedding_grad(cpu.get(), TPC_F32, TPC_F32, 7, 3, width, 4, raw(ids), raw(dOut),
                       raw(dTable));
    auto i = put(*gpu, ids), t = put(*gpu, table), d = put(*gpu, dOut);
    auto o = gpu->device->allocate(out.size() * 4), g = put(*gpu, table);
    tpc_embedding(gpu.get(), TPC_F32, 7, 3, width, 4, i.get(), t.get(), o.get());
    tpc_embedding_grad(gpu.get(), TPC_F32, TPC_F32, 7, 3, width, 4, i.get(), d.get(), g.get());
    EXPECT_EQ(get<float>(*gpu, o, out.size()), out);
    EXPECT_EQ(get<float>(*gpu, g, dTable.size()), dTable);
  }
  tpc_embedding_grad(gpu.get(), TPC_F64, TPC_F64, 1, 1, 1, 0, nullptr, nullptr, nullptr);
  EXPECT_NE(gpu->communicator->failure().find("embedding gradients on a GPU are f32"),
            std::string::npos);
}

TEST_F(CudaDeviceTest, TheSameDrawsAsOnAProcessor) {
  auto gpu = makeContext();
  auto cpu = test::makeContext();
  std::vector<int64_t> seed = {42}, offsets = {2, 3};
  std::vector<int32_t> scheme = {0};
  auto raw = [](auto &v) { return reinterpret_cast<char *>(v.data()); };
  tpc_init_desc init = {"w", TPC_F32, TPC_LINEAR, 4, 0.02, 2, {6, 8}, {3, 4}};
  std::vector<float> x(12), y = quarters(12, 1);
  tpc_init_tensor(cpu.get(), &init, raw(seed), raw(scheme), offsets.data(), raw(x));
  auto s = put(*gpu, seed), h = put(*gpu, scheme), dx = put(*gpu, y), dy = put(*gpu, y);
  tpc_init_tensor(gpu.get(), &init, s.get(), h.get(), offsets.data(), dx.get());
  EXPECT_EQ(get<float>(*gpu, dx, 12), x);
  tpc_dropout_desc dropout = {"mlp", TPC_F32, 0.4, 2, {6, 8}, {3, 4}};
  tpc_dropout(cpu.get(), &dropout, raw(seed), offsets.data(), raw(y), raw(y));
  tpc_dropout(gpu.get(), &dropout, s.get(), offsets.data(), dy.get(), dy.get());
  EXPECT_EQ(get<float>(*gpu, dy, 12), y);
}

//===-- being measured ---------------------------------------------------------===//

TEST_F(CudaDeviceTest, ASweepReadsHalfOfTheMemoryAndWritesTheOther) {
  auto context = makeContext();
  auto memory = put<char>(*context, {1, 2, 3, 4, 0, 0, 0, 0, 9});
  EXPECT_EQ(context->device->sweep(*context, memory.get(), 8), 8u);
  EXPECT_EQ(get<char>(*context, memory, 9), (std::vector<char>{1, 2, 3, 4, 1, 2, 3, 4, 9}));
}

/// Work that the stand-in does in a moment.
MeasuredWork littleWork() {
  MeasuredWork work = MeasuredWork::ofGpu();
  work.products = {{16, 16, 16}, {8, 8, 8}}, work.layers = {{8, 4, 4}};
  work.otherTypes = {{TPC_F32, 8}, {TPC_F64, 8}};
  work.attention = {TPC_BF16, 1, 16, 16, 1, 2, 32, 1, 0.125};
  work.attentionWorkspace = 1 << 20, work.workspace = 1 << 16;
  work.largestMemory = 1 << 16, work.smallestMemory = 1 << 14;
  work.largestCollective = 1 << 14, work.seconds = 0.001;
  return work;
}

TEST_F(CudaDeviceTest, ADeviceIsMeasured) {
  setenv("TPC_ATTENTION", "kernels", 1);
  auto context = makeContext();
  unsetenv("TPC_ATTENTION");
  std::vector<std::string> told;
  DeviceFigures figures =
      measureDevice(*context, littleWork(), [&](const std::string &text) { told.push_back(text); });
  EXPECT_GT(figures.flops, 0);
  ASSERT_EQ(figures.types.size(), 2u);
  EXPECT_EQ(figures.types[0].first, TPC_F32);
  for (double share : {figures.contract, figures.attention, figures.attentionGrad}) {
    EXPECT_GT(share, 0);
    EXPECT_LE(share, 1);
  }
  EXPECT_GT(figures.memoryBandwidth, 0);
  EXPECT_GE(figures.cacheBytes, 1 << 14);
  EXPECT_GT(figures.launchSeconds, 0);
  ASSERT_EQ(told.size(), 5u);
  EXPECT_EQ(told[0].rfind("bf16 products: ", 0), 0u);
}

/// Figures of two ranks on one GPU.
std::vector<CollectiveFigures> measureTwoRanks(const DeviceOptions &options) {
  CommunicatorOptions wanted;
  wanted.regionBytes = kMeasureRegionBytes;
  wanted.collectives = measuredCollectives(2);
  auto communicators = createInProcessCommunicators(2, wanted);
  std::vector<CollectiveFigures> figures;
  std::vector<std::thread> threads;
  for (std::unique_ptr<Communicator> &communicator : communicators)
    threads.emplace_back([&] {
      auto device = openCudaDevice(options);
      connectLoopback(communicator, wanted, static_cast<CudaDevice &>(*device).stream());
      tpc_context context(Mesh{{{"measured", 2}}}, wanted.collectives, std::move(communicator),
                          std::move(device));
      auto mine = measureCollectives(context, littleWork(), [](const std::string &) {});
      if (context.rank() == 0)
        figures = mine;
      context.communicator->finish();
    });
  for (std::thread &thread : threads)
    thread.join();
  return figures;
}

TEST_F(CudaDeviceTest, CollectivesAreMeasuredOnDevices) {
  options.place = {0, 2, DevicePlace::First};
  std::vector<CollectiveFigures> figures = measureTwoRanks(options);
  ASSERT_EQ(figures.size(), 5u);
  EXPECT_EQ(figures[1].op, CollectiveOp::AllReduce);
  for (const CollectiveFigures &collective : figures) {
    ASSERT_FALSE(collective.segments.empty());
    EXPECT_GT(collective.segments.back().bandwidth, 0);
    EXPECT_LE(collective.segments.back().upTo, 1 << 14);
  }
}

TEST_F(CudaDeviceTest, AFailureEndsTheMeasurement) {
  auto context = makeContext();
  MeasuredWork work = littleWork();
  setenv("FAKE_CUBLASLT_FULL", "1", 1);
  EXPECT_THROW(measureDevice(*context, work, [](const std::string &) {}), Error);
}

} // namespace
