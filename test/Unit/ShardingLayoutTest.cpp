//===- ShardingLayoutTest.cpp - meshes, axis lists and layouts -----------------===//

#include "ShardingTestHelpers.h"
#include "gtest/gtest.h"

using namespace tpc;
using namespace tpc::test;
using Ranks = llvm::SmallVector<int64_t>;

namespace {
const Mesh mesh24 = makeMesh({{"dp", 2}, {"tp", 4}});
const AxisRef dp = AxisRef::whole(mesh24, 0), tp = AxisRef::whole(mesh24, 1);
const AxisRef tpMajor{1, 1, 2}, tpMinor{1, 2, 2};

TEST(Mesh, CoordinatesAreRowMajor) {
  EXPECT_EQ(mesh24.getNumRanks(), 8);
  EXPECT_EQ(mesh24.getCoordinates(6)[0], 1);
  EXPECT_EQ(mesh24.getCoordinates(6)[1], 2);
}

TEST(Mesh, UnknownAxisIsNotFound) {
  EXPECT_EQ(*mesh24.findAxis("tp"), 1u);
  EXPECT_FALSE(mesh24.findAxis("pp").has_value());
}

TEST(AxisRef, PartsOfAnAxis) {
  EXPECT_TRUE(tp.contains(tpMinor));
  EXPECT_FALSE(tpMinor.contains(tp));
  EXPECT_TRUE(tp.overlaps(tpMajor));
  EXPECT_FALSE(tpMajor.overlaps(tpMinor));
  EXPECT_FALSE(dp.overlaps(tp));
  // Rank 6 has tp coordinate 2 = binary 10.
  EXPECT_EQ(tpMajor.getCoordinate(mesh24, 6), 1);
  EXPECT_EQ(tpMinor.getCoordinate(mesh24, 6), 0);
}

TEST(AxisRef, PartsWhoseCutsDoNotNestShare) {
  // Of six: r / 3 and r % 2 are no two digits of r; r / 3 and r % 3 are, and so are r / 2 and r
  // % 2.
  EXPECT_TRUE((AxisRef{0, 1, 2}).overlaps({0, 3, 2}));
  EXPECT_TRUE((AxisRef{0, 3, 2}).overlaps({0, 1, 2}));
  EXPECT_TRUE((AxisRef{0, 1, 2}).overlaps({0, 1, 3}));
  EXPECT_FALSE((AxisRef{0, 1, 2}).overlaps({0, 2, 3}));
  EXPECT_FALSE((AxisRef{0, 3, 2}).overlaps({0, 1, 3}));
}

TEST(AxisRef, AnAxisOfSizeOneOverlapsItself) {
  EXPECT_TRUE((AxisRef{0, 1, 1}).overlaps({0, 1, 1}));
  EXPECT_FALSE((AxisRef{0, 1, 1}).overlaps({1, 1, 1}));
}

TEST(AxisList, CanonicalMergesOnlyConsecutiveParts) {
  EXPECT_EQ(getCanonical({tpMajor, tpMinor}, mesh24), AxisList({tp}));
  EXPECT_EQ(getCanonical({tpMinor, tpMajor}, mesh24), AxisList({tpMinor, tpMajor}));
  EXPECT_EQ(getCanonical({tpMajor, dp, tpMinor}, mesh24), AxisList({tpMajor, dp, tpMinor}));
}

TEST(AxisList, Groups) {
  auto groups = getGroups({dp}, mesh24);
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_EQ(groups[1], Ranks({1, 5}));
  EXPECT_EQ(getGroups({tpMinor}, mesh24)[1], Ranks({2, 3}));
  EXPECT_EQ(getGroups({tpMajor}, mesh24)[1], Ranks({1, 3}));
  // The order of the list is the order in the group: tp outermost here.
  EXPECT_EQ(getGroups({tp, dp}, mesh24)[0], Ranks({0, 4, 1, 5, 2, 6, 3, 7}));
}

TEST(AxisList, NoAxesMeanGroupsOfOne) { EXPECT_EQ(getGroups({}, mesh24).size(), 8u); }

TEST(Layout, LocalShapeAndOffsets) {
  Layout layout = makeLayout(mesh24, {{0}, {}});
  layout.dims[1] = {tpMajor};
  layout.partial = {tpMinor};
  EXPECT_EQ(*getLocalShape({8, 16}, layout), Ranks({4, 8}));
  EXPECT_EQ(getOffsets({8, 16}, layout, mesh24, 6), Ranks({4, 8}));
  // dim 0 over (tp, dp): rank 6 is dp 1, tp 2, so box 2 * 2 + 1.
  EXPECT_EQ(getOffsets({8, 16}, makeLayout(mesh24, {{1, 0}, {}}), mesh24, 6), Ranks({5, 0}));
}

TEST(Layout, UnevenHasNoLocalShape) {
  EXPECT_FALSE(getLocalShape({6}, makeLayout(mesh24, {{1}})).has_value());
  EXPECT_FALSE(getLocalShape({4}, makeLayout(mesh24, {{0, 1}})).has_value());
}

TEST(Layout, DropAxesSplitsWhatItCutsInto) {
  Layout layout = makeLayout(mesh24, {{0, 1}});
  layout.dropAxes({tpMinor});
  EXPECT_EQ(layout.dims[0], AxisList({dp, tpMajor}));
  Layout partial = makeLayout(mesh24, {{}}, {1});
  partial.dropAxes({dp});
  EXPECT_EQ(partial.partial, AxisList({tp}));
  partial.dropAxes({tp});
  EXPECT_TRUE(partial.isReplicated());
}

TEST(Layout, EqualityIgnoresClosedFlags) {
  Layout a = makeLayout(mesh24, {{0}, {}}), b = a;
  b.open = {false, false};
  EXPECT_EQ(a, b);
  b.open = {false, true};
  EXPECT_NE(a, b);
  EXPECT_NE(makeLayout(mesh24, {{0, 1}}), makeLayout(mesh24, {{1, 0}}));
}

TEST(Layout, DTensorForm) {
  EXPECT_EQ(toDTensorString(makeLayout(mesh24, {{}, {}}), mesh24), "Replicate");
  EXPECT_EQ(toDTensorString(makeLayout(mesh24, {{}, {0}}, {1}), mesh24),
            "Shard(1) on dp, Partial(sum) on tp");
  EXPECT_EQ(toDTensorString(makeLayout(mesh24, {{1, 0}}), mesh24), "Shard(0) on (tp, dp)");
  Layout sub = Layout::replicated(1);
  sub.dims[0] = {tpMinor};
  EXPECT_EQ(toDTensorString(sub, mesh24), "Shard(0) on tp:(2)2");
}

TEST(ShardingRule, PrintsItsNotation) {
  EXPECT_EQ(makeRule({{'b', 8}, {'s', 16}, {'k', 4}, {'n', 4}}, {"bsk", "nk"}, {"bsn"}, "k").str(),
            "([b, s, k], [n, k]) -> [b, s, n] reduce {k}");
  ShardingRule rule = makeRule({{'h', 2}, {'g', 4}, {'d', 4}}, {"hgd"}, {"(hg)d", "h"});
  rule.factors[2].kind = FactorKind::NeedReplication;
  rule.factors[1].kind = FactorKind::Reduction;
  rule.factors[1].reduction = ReductionKind::Max;
  EXPECT_EQ(rule.str(), "([h, g, d]) -> ([(h g), d], [h]) reduce max {g} replicate {d}");
}
} // namespace
