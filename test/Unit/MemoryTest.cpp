#include "Memory/Arena.h"
#include "Memory/Limit.h"
#include "TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace tpc;
using namespace tpc::runtime;

namespace {

TEST(Memory, ResidentBytesAreThoseTouched) {
  PrivateRegion region(64 << 20);
  EXPECT_EQ(residentBytes(region.data(), region.size()), 0u);
  region.data()[region.size() - 1] = 1;
  uint64_t resident = residentBytes(region.data(), region.size());
  EXPECT_GT(resident, 0u);
  EXPECT_LE(resident, 2u << 20); // one page, perhaps a huge one
  EXPECT_EQ(PrivateRegion(0).data(), nullptr);
}

TEST(Memory, TheLeastOfMachineAndCgroupsCounts) {
  test::TemporaryFolder root;
  root.write("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable: 4000 kB\n");
  MemoryLimit limit = availableMemory(root / "");
  EXPECT_EQ(limit.bytes, 4000u << 10);
  EXPECT_EQ(limit.source, "the machine");
  root.write("proc/self/cgroup", "0::/a/b\n");
  root.write("sys/fs/cgroup/a/memory.max", "1000000");
  root.write("sys/fs/cgroup/a/memory.current", "300000");
  root.write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 100000\n");
  root.write("sys/fs/cgroup/a/b/memory.max", "max");
  root.write("sys/fs/cgroup/a/b/memory.current", "300000");
  limit = availableMemory(root / "");
  EXPECT_EQ(limit.bytes, 800000u); // of the parent, 200000 are in use besides droppable cache
  EXPECT_EQ(limit.source, "the cgroup");
}

TEST(Memory, FirstCgroupVersion) {
  test::TemporaryFolder root;
  root.write("proc/meminfo", "MemAvailable: 4000 kB\n");
  root.write("proc/self/cgroup", "5:cpu,memory:/job\n0::/\n");
  root.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "500000");
  root.write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "100000");
  EXPECT_EQ(availableMemory(root / "").bytes, 400000u);
}

TEST(Memory, TooLargeAnArenaIsRefusedWithNumbers) {
  checkMemory(1 << 20, 2, {2 << 20, "the machine"});
  EXPECT_ERROR(checkMemory(1 << 30, 2, {1 << 30, "the cgroup"}),
               "needs 2.00 GiB (2 x 1.00 GiB on this host), the cgroup has 1.00 GiB left");
}

TEST(Memory, PrintsBytes) {
  EXPECT_EQ(printBytes(1023), "1023 bytes");
  EXPECT_EQ(printBytes(1536), "1.50 KiB");
  EXPECT_EQ(printBytes(123ull << 20), "123 MiB");
}

} // namespace
