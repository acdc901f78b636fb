// Which GPU a rank takes, and what can be wrong with it.
#include "Cuda/OwnDevice.h"
#include "DeviceFixture.h"

#include <thread>

using namespace tpc;
using namespace tpc::runtime;

namespace {

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

} // namespace
