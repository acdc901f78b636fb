// Lines through measured transfers, and the machine file.
#include "Measure/Measure.h"
#include <gtest/gtest.h>

using namespace tpc::runtime;

namespace {
/// What a machine with a latency of 2 us and 10 GB/s would take.
std::vector<TransferPoint> straight() {
  std::vector<TransferPoint> points;
  for (double bytes = 1024; bytes <= 1 << 24; bytes *= 2)
    points.push_back({bytes, 2e-6 + bytes / 10e9});
  return points;
}
} // namespace

TEST(FitTransfers, OneLineWhereOneFits) {
  std::vector<TransferSegment> segments = fitTransfers(straight());
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_NEAR(segments[0].latency, 2e-6, 1e-9);
  EXPECT_NEAR(segments[0].bandwidth, 10e9, 1e6);
  EXPECT_EQ(segments[0].upTo, 1 << 24);
}

TEST(FitTransfers, AnotherWhereTheCacheEnds) {
  std::vector<TransferPoint> points = straight();
  for (TransferPoint &point : points)
    if (point.bytes > 1 << 20)
      point.seconds *= 3;
  std::vector<TransferSegment> segments = fitTransfers(points);
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].upTo, 1 << 20);
  EXPECT_NEAR(segments[1].bandwidth, 10e9 / 3, 1e8);
}

TEST(FitTransfers, EveryPointIsNearItsLine) {
  std::vector<TransferPoint> points;
  for (double bytes = 1024; bytes <= 1 << 24; bytes *= 2)
    points.push_back({bytes, 1e-6 + bytes * bytes * 1e-18});
  auto segments = fitTransfers(points);
  for (const TransferPoint &point : points) {
    auto segment = segments.begin();
    while (segment->upTo < point.bytes)
      ++segment;
    EXPECT_GE(segment->latency, 0);
    EXPECT_NEAR((segment->latency + point.bytes / segment->bandwidth) / point.seconds, 1, 0.11);
  }
}

TEST(FitTransfers, LargerIsNeverFaster) {
  std::vector<TransferSegment> segments = fitTransfers({{1024, 5e-6}, {2048, 4.8e-6}});
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_GT(segments[0].bandwidth, 0);
  EXPECT_NEAR(segments[0].latency, 4.9e-6, 1e-7);
  EXPECT_TRUE(fitTransfers({}).empty());
}

TEST(MachineFile, OneRankHasNoLinks) {
  MachineFigures figures;
  figures.origin = "a test";
  figures.device.types = {{TPC_BF16, 2e11}};
  std::string yaml = toYaml(figures, "tpc-run --measure");
  EXPECT_NE(yaml.find("links: []"), std::string::npos);
  EXPECT_NE(yaml.find("- {type: bf16, flops: 2.0000e+11}"), std::string::npos);
  EXPECT_EQ(yaml.find("default_link"), std::string::npos);
  EXPECT_EQ(yaml.rfind("# tpc-run --measure: a test\n", 0), 0u) << yaml;
}

TEST(MachineFile, CollectivesByOp) {
  MachineFigures figures;
  figures.link = "shm";
  figures.collectives = {{CollectiveOp::AllReduce, {{1e6, 1e-6, 2e10}}}};
  std::string yaml = toYaml(figures, "tpc-run --measure");
  EXPECT_NE(
      yaml.find("{op: all_reduce, up_to: 1.0000e+06, latency: 1.0000e-06, bandwidth: 2.0000e+10}"),
      std::string::npos);
  EXPECT_NE(yaml.find("default_link: shm"), std::string::npos);
  EXPECT_EQ(yaml.find("asynchronous"), std::string::npos);
  figures.wake = {0.5, 3e-5};
  EXPECT_NE(toYaml(figures, "--measure").find("wake: {after: 5.0000e-01, seconds: 3.0000e-05}"),
            std::string::npos);
  figures.asynchronous = true;
  EXPECT_NE(toYaml(figures, "--measure").find("asynchronous: true\n    collectives:"),
            std::string::npos);
}
