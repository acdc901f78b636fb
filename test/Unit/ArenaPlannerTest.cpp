#include "tpc/Codegen/ArenaPlanner.h"
#include "gtest/gtest.h"
#include <random>

using namespace tpc;

/// No two buffers whose lifetimes meet overlap, and every offset is aligned.
static void expectValid(llvm::ArrayRef<Lifetime> buffers, const Packing &packing,
                        int64_t alignment) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(packing.offsets[i] % alignment, 0);
    EXPECT_LE(packing.offsets[i] + buffers[i].bytes, packing.bytes);
    for (size_t j = 0; j < i; ++j) {
      bool apart = packing.offsets[i] + buffers[i].bytes <= packing.offsets[j] ||
                   packing.offsets[j] + buffers[j].bytes <= packing.offsets[i];
      EXPECT_TRUE(apart || !buffers[i].meets(buffers[j])) << i << " and " << j;
    }
  }
}

TEST(ArenaPlanner, WorkedExampleOfTheHeader) {
  Lifetime buffers[] = {{4, 0, 1}, {2, 1, 2}, {4, 2, 3}};
  Packing packing = packBuffers(buffers, 1);
  expectValid(buffers, packing, 1);
  EXPECT_EQ(packing.bytes, 6);
  EXPECT_EQ(getPeakBytes(buffers, 1), 6);
}

TEST(ArenaPlanner, NothingNeedsNothing) {
  EXPECT_EQ(packBuffers({}).bytes, 0);
  EXPECT_EQ(getPeakBytes({}), 0);
}

TEST(ArenaPlanner, EmptyBuffersTakeNoSpace) {
  Lifetime buffers[] = {{0, 0, 5}, {64, 0, 5}, {0, 2, 2}};
  EXPECT_EQ(packBuffers(buffers).bytes, 64);
}

TEST(ArenaPlanner, LiveTogetherAtOneInstantMeansApart) {
  Lifetime buffers[] = {{1, 0, 3}, {1, 3, 5}};
  Packing packing = packBuffers(buffers);
  EXPECT_NE(packing.offsets[0], packing.offsets[1]);
  EXPECT_EQ(packing.bytes, 128);
}

TEST(ArenaPlanner, ChainUsesTwoSlots) {
  llvm::SmallVector<Lifetime> buffers;
  for (int64_t i = 0; i < 50; ++i)
    buffers.push_back({100, i, i + 1});
  EXPECT_EQ(packBuffers(buffers).bytes, 256);
}

TEST(ArenaPlanner, RandomPackingsAreValidAndNearThePeak) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    llvm::SmallVector<Lifetime> buffers;
    for (int i = 0; i < 200; ++i) {
      int64_t first = random() % 100;
      buffers.push_back({static_cast<int64_t>(random() % 5000), first,
                         first + static_cast<int64_t>(random() % 20)});
    }
    Packing packing = packBuffers(buffers);
    expectValid(buffers, packing, kSlotAlignment);
    EXPECT_GE(packing.bytes, getPeakBytes(buffers));
    EXPECT_LE(packing.bytes, getPeakBytes(buffers) * 13 / 10);
  }
}
