#include "Train/Box.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

using namespace tpc::runtime;

namespace {

const Mesh mesh{{{"dp", 2}, {"tp", 4}}};

TEST(Box, AxesMajorToMinor) {
  // dim 0 split by dp and then tp: rank (1, 2) is part 1 * 4 + 2 of 8.
  Placement placement{{16, 3}, {2, 3}, {{{0, 1, 2}, {1, 1, 4}}, {}}};
  Box box = boxOf(placement, mesh, 6);
  EXPECT_EQ(box.offsets, (Shape{12, 0}));
  EXPECT_EQ(box.sizes, (Shape{2, 3}));
}

TEST(Box, SubAxes) {
  // tp = 4 as 2 (heads) x 2 (group): coordinate 2 is (1, 0), coordinate 3 is (1, 1).
  Placement placement{{4, 6}, {2, 3}, {{{1, 1, 2}}, {{1, 2, 2}}}};
  EXPECT_EQ(boxOf(placement, mesh, 2).offsets, (Shape{2, 0}));
  EXPECT_EQ(boxOf(placement, mesh, 3).offsets, (Shape{2, 3}));
  EXPECT_EQ(boxOf(placement, mesh, 5).offsets, (Shape{0, 3}));
}

TEST(Box, OneRankWritesWhatSeveralHold) {
  Placement split{{8}, {2}, {{{1, 1, 4}}}}, half{{8}, {4}, {{{1, 1, 2}}}}, whole{{8}, {8}, {{}}};
  EXPECT_EQ(writerOf(split, mesh, 5), 1); // replicated on dp
  EXPECT_EQ(writerOf(half, mesh, 3), 2);  // and on the minor part of tp
  EXPECT_EQ(writerOf(half, mesh, 7), 2);
  EXPECT_EQ(writerOf(whole, mesh, 7), 0);
}

// 5 rows over 4 ranks: 2, 2, 1 and none; a rank's memory has room for 2.
TEST(Box, PaddingIsNoPartOfABox) {
  Placement placement{{5, 3}, {2, 3}, {{{1, 1, 4}}, {}}};
  EXPECT_EQ(boxOf(placement, mesh, 1).sizes, (Shape{2, 3}));
  Box last = boxOf(placement, mesh, 2);
  EXPECT_EQ(last.offsets, (Shape{4, 0}));
  EXPECT_EQ(last.sizes, (Shape{1, 3}));
  EXPECT_FALSE(last.empty());
  EXPECT_TRUE(boxOf(placement, mesh, 3).empty());
  EXPECT_EQ(writerOf(placement, mesh, 7), 3); // of nothing
}

TEST(Box, PaddingInMemoryIsSkipped) {
  // [2, 3] of a [4, 5] tensor, in memory [2, 4]: two runs of 3, 4 apart.
  std::vector<std::vector<int64_t>> runs;
  forEachRun({4, 5}, {{2, 2}, {2, 3}}, {2, 4}, [&](int64_t global, int64_t local, int64_t length) {
    runs.push_back({global, local, length});
  });
  EXPECT_EQ(runs, (std::vector<std::vector<int64_t>>{{12, 0, 3}, {17, 4, 3}}));
  forEachRun({4, 5}, {{4, 0}, {0, 5}}, {2, 5},
             [](int64_t, int64_t, int64_t) { ADD_FAILURE() << "an empty box has no runs"; });
  int source[6] = {1, 2, 3, 4, 5, 6}, target[8] = {};
  EXPECT_EQ(copyShared({{2, 2}, {2, 3}}, reinterpret_cast<char *>(source), {{2, 2}, {2, 3}}, {2, 4},
                       reinterpret_cast<char *>(target), sizeof(int)),
            6);
  EXPECT_EQ(std::vector<int>(target, target + 8), (std::vector<int>{1, 2, 3, 0, 4, 5, 6, 0}));
}

std::vector<int64_t> indicesOf(const Shape &shape, const Box &box, int *runs) {
  std::vector<int64_t> indices;
  *runs = 0;
  forEachRun(shape, box, box.sizes, [&](int64_t global, int64_t local, int64_t length) {
    EXPECT_EQ(local, static_cast<int64_t>(indices.size()));
    for (int64_t i = 0; i < length; ++i)
      indices.push_back(global + i);
    ++*runs;
  });
  return indices;
}

TEST(Box, RunsAreAsLongAsCanBe) {
  int runs;
  EXPECT_EQ(indicesOf({2, 3, 4}, {{0, 0, 0}, {2, 3, 4}}, &runs).size(), 24u);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(indicesOf({2, 3, 4}, {{1, 1, 0}, {1, 2, 4}}, &runs),
            (std::vector<int64_t>{16, 17, 18, 19, 20, 21, 22, 23}));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(indicesOf({2, 3, 4}, {{0, 2, 1}, {2, 1, 2}}, &runs),
            (std::vector<int64_t>{9, 10, 21, 22}));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(indicesOf({}, {{}, {}}, &runs), (std::vector<int64_t>{0})); // a scalar
}

TEST(Box, PartsOfOneMeshMakeThoseOfAnother) {
  Shape shape = {4, 6};
  std::vector<int> values(24);
  std::iota(values.begin(), values.end(), 0);
  auto cut = [&](const Box &box) {
    int runs;
    std::vector<int> part;
    for (int64_t index : indicesOf(shape, box, &runs))
      part.push_back(values[static_cast<size_t>(index)]);
    return part;
  };
  Box target{{1, 2}, {2, 3}};
  std::vector<int> got(6, -1);
  int64_t copied = 0;
  for (int64_t row : {0, 2})
    for (int64_t column : {0, 3}) {
      Box source{{row, column}, {2, 3}};
      auto part = cut(source);
      copied += copyShared(source, reinterpret_cast<char *>(part.data()), target, target.sizes,
                           reinterpret_cast<char *>(got.data()), sizeof(int));
    }
  EXPECT_EQ(copied, 6);
  EXPECT_EQ(got, cut(target));
  EXPECT_EQ(copyShared({{0, 0}, {1, 1}}, nullptr, {{1, 1}, {1, 1}}, {1, 1}, nullptr, 4),
            0); // disjoint
}

} // namespace
