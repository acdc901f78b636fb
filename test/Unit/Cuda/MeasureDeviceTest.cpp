// A GPU that is measured.
#include "Cuda/LoopbackCommunicator.h"
#include "DeviceFixture.h"
#include "Measure/Measure.h"

#include <thread>

using namespace tpc;
using namespace tpc::runtime;

namespace {

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
