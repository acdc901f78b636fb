// Cores, their fair shares, and control groups.
#include "Comm/Cores.h"
#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <unistd.h>

using namespace tpc::runtime;

namespace {
constexpr double kUnlimited = std::numeric_limits<double>::infinity();

TEST(Cores, RanksOnTheSameCoresShareThem) {
  CoreSet all{{0, 1, 2, 3}};
  EXPECT_EQ(fairShare({all, all}, 0, kUnlimited), 2);
  EXPECT_EQ(fairShare({all, all, all}, 2, kUnlimited), 1);
  EXPECT_EQ(fairShare({all, all, all, all, all}, 4, kUnlimited), 1);
  EXPECT_EQ(sharedCores({all, all}, kUnlimited), 4);
}

TEST(Cores, BoundRanksKeepTheirs) {
  CoreSet low{{0, 1, 2}}, high{{3, 4}};
  EXPECT_EQ(fairShare({low, high}, 0, kUnlimited), 3);
  EXPECT_EQ(fairShare({low, high}, 1, kUnlimited), 2);
  EXPECT_EQ(sharedCores({low, high}, kUnlimited), 5);
}

TEST(Cores, AQuotaCutsBoth) {
  CoreSet all{{0, 1, 2, 3, 4, 5, 6, 7}};
  EXPECT_EQ(fairShare({all, all}, 0, 5.0), 2);
  EXPECT_EQ(fairShare({all, all}, 0, 0.5), 1);
  EXPECT_EQ(sharedCores({all, all}, 1.5), 1.5);
}

TEST(Cores, FewPollsWhereRanksOutnumberCores) {
  EXPECT_LT(spinsFor(4, 2) * 50, spinsFor(2, 2));
  EXPECT_EQ(spinsFor(2, 1.5), spinsFor(4, 2));
}

class FakeRoot : public testing::Test {
protected:
  FakeRoot()
      : root(std::filesystem::temp_directory_path() / ("tpc-cores-" + std::to_string(getpid()))) {}
  ~FakeRoot() override { std::filesystem::remove_all(root); }
  void write(const std::string &path, const std::string &text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  std::filesystem::path root;
};

TEST_F(FakeRoot, WithoutGroupsThereIsNoLimit) { EXPECT_TRUE(std::isinf(cgroupCores(root))); }

TEST_F(FakeRoot, TheTightestGroupOnTheWayUpCounts) {
  write("proc/self/cgroup", "0::/user/job\n");
  write("sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(cgroupCores(root)));
  write("sys/fs/cgroup/user/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroupCores(root), 2.5);
  write("sys/fs/cgroup/user/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroupCores(root), 1.5);
}

TEST_F(FakeRoot, AContainerSeesItsLimitAtTheRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cgroupCores(root), 4);
}

TEST_F(FakeRoot, VersionOne) {
  write("proc/self/cgroup", "4:cpu,cpuacct:/docker/1\n0::/\n");
  write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "300000\n");
  write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroupCores(root), 3);
  write("sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  EXPECT_TRUE(std::isinf(cgroupCores(root)));
}
} // namespace
