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

std::vector<int64_t> indicesOf(const Shape &shape, const Box &box, int *runs) {
  std::vector<int64_t> indices;
  *runs = 0;
  forEachRun(shape, box, [&](int64_t global, int64_t local, int64_t length) {
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
      copied += copyShared(source, reinterpret_cast<char *>(part.data()), target,
                           reinterpret_cast<char *>(got.data()), sizeof(int));
    }
  EXPECT_EQ(copied, 6);
  EXPECT_EQ(got, cut(target));
  EXPECT_EQ(copyShared({{0, 0}, {1, 1}}, nullptr, {{1, 1}, {1, 1}}, nullptr, 4), 0); // disjoint
}

} // namespace
