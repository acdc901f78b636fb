//===- ShardingFactorsTest.cpp - projection and propagation of one op ----------===//

#include "ShardingTestHelpers.h"
#include "tpc/Sharding/FactorPropagation.h"
#include "gtest/gtest.h"

using namespace tpc;
using namespace tpc::test;

namespace {
const Mesh mesh = makeMesh({{"dp", 2}, {"tp", 4}});
const AxisRef dp = AxisRef::whole(mesh, 0), tp = AxisRef::whole(mesh, 1);
const AxisRef tpMajor{1, 1, 2}, tpMinor{1, 2, 2};

Layout makeOpen(Layout layout) {
  layout.open.assign(layout.getRank(), true);
  return layout;
}

std::vector<TensorFactors> makeTensors(const ShardingRule &rule, std::vector<Layout> layouts) {
  std::vector<TensorFactors> tensors;
  for (unsigned i = 0; i < layouts.size(); ++i) {
    bool isOperand = i < rule.operands.size();
    const TensorMapping &mapping =
        isOperand ? rule.operands[i] : rule.results[i - rule.operands.size()];
    tensors.push_back(getTensorFactors(rule, mapping, layouts[i], mesh));
  }
  return tensors;
}

//===----------------------------------------------------------------------===//
// Projection
//===----------------------------------------------------------------------===//

TEST(FactorProjection, AxesFillFactorsMajorToMinor) {
  ShardingRule rule = makeRule({{'h', 2}, {'g', 4}, {'d', 64}}, {"(hgd)"}, {"hgd"});
  FactorLayout factors = projectLayout(rule, rule.operands[0], makeLayout(mesh, {{1}}), mesh);
  EXPECT_EQ(factors.axes[0], AxisList({tpMajor}));
  EXPECT_EQ(factors.axes[1], AxisList({tpMinor}));
  EXPECT_TRUE(factors.axes[2].empty() && factors.misplaced.empty());
  // and back, to either tensor
  EXPECT_EQ(unprojectLayout(rule, rule.operands[0], factors.axes, mesh).layout,
            makeLayout(mesh, {{1}}));
  Layout split = unprojectLayout(rule, rule.results[0], factors.axes, mesh).layout;
  EXPECT_EQ(split.dims[0], AxisList({tpMajor}));
  EXPECT_EQ(split.dims[1], AxisList({tpMinor}));
}

TEST(FactorProjection, SeveralAxesOnOneFactor) {
  ShardingRule rule = makeRule({{'h', 8}, {'d', 4}}, {"(hd)"}, {"hd"});
  FactorLayout factors = projectLayout(rule, rule.operands[0], makeLayout(mesh, {{1, 0}}), mesh);
  EXPECT_EQ(factors.axes[0], AxisList({tp, dp}));
}

TEST(FactorProjection, HalfAFactorIsMisplaced) {
  ShardingRule rule = makeRule({{'h', 3}, {'g', 4}}, {"(hg)"}, {"hg"});
  FactorLayout factors = projectLayout(rule, rule.operands[0], makeLayout(mesh, {{0}}), mesh);
  EXPECT_TRUE(factors.axes[0].empty());
  EXPECT_EQ(factors.misplaced, AxisList({dp}));
}

TEST(FactorProjection, MinorFactorSplitAloneIsNoBox) {
  ShardingRule rule = makeRule({{'h', 3}, {'g', 4}}, {"hg"}, {"(hg)"});
  DimensionLayout dims = unprojectLayout(rule, rule.results[0], {{}, {dp}}, mesh);
  EXPECT_TRUE(dims.layout.isReplicated());
  EXPECT_EQ(dims.misplaced, AxisList({dp}));
}

TEST(FactorProjection, DimensionWithoutFactorsMisplacesItsAxes) {
  ShardingRule rule = makeRule({{'h', 4}}, {"h"}, {"()h"});
  FactorLayout factors = projectLayout(rule, rule.results[0], makeLayout(mesh, {{0}, {1}}), mesh);
  EXPECT_EQ(factors.misplaced, AxisList({dp}));
  EXPECT_EQ(factors.axes[0], AxisList({tp}));
}

//===----------------------------------------------------------------------===//
// Propagation
//===----------------------------------------------------------------------===//

const ShardingRule contract =
    makeRule({{'b', 8}, {'s', 16}, {'k', 32}, {'n', 64}}, {"bsk", "nk"}, {"bsn"}, "k");

TEST(FactorPropagation, FlowsForwardAndBackward) {
  auto tensors = makeTensors(contract, {makeOpen(makeLayout(mesh, {{0}, {}, {}})),
                                        makeOpen(makeLayout(mesh, {{}, {}})),
                                        makeOpen(makeLayout(mesh, {{}, {}, {1}}))});
  PropagationResult result = propagateFactors(contract, tensors);
  EXPECT_TRUE(result.changed && result.conflicts.empty());
  EXPECT_EQ(tensors[2].layout.axes[0], AxisList({dp}));
  EXPECT_EQ(tensors[1].layout.axes[3], AxisList({tp}));
  EXPECT_FALSE(propagateFactors(contract, tensors).changed);
}

TEST(FactorPropagation, ReductionFactorFlowsBetweenOperands) {
  auto tensors = makeTensors(contract, {makeOpen(makeLayout(mesh, {{}, {}, {1}})),
                                        makeOpen(makeLayout(mesh, {{}, {}})),
                                        makeOpen(makeLayout(mesh, {{}, {}, {}}))});
  propagateFactors(contract, tensors);
  EXPECT_EQ(tensors[1].layout.axes[2], AxisList({tp}));
  EXPECT_TRUE(tensors[2].layout.axes[2].empty());
}

TEST(FactorPropagation, PriorityDecidesWhoGetsTheAxis) {
  for (int winner : {0, 1}) {
    auto tensors =
        makeTensors(contract, {makeLayout(mesh, {{}, {1}, {}}), makeLayout(mesh, {{1}, {}}),
                               makeOpen(makeLayout(mesh, {{}, {}, {}}))});
    tensors[winner].priority = 1;
    PropagationResult result = propagateFactors(contract, tensors);
    unsigned won = winner == 0 ? 1 : 3, lost = winner == 0 ? 3 : 1;
    EXPECT_EQ(tensors[2].layout.axes[won], AxisList({tp}));
    EXPECT_TRUE(tensors[2].layout.axes[lost].empty());
    ASSERT_EQ(result.conflicts.size(), 1u);
    EXPECT_EQ(result.conflicts[0].factor, lost);
    EXPECT_EQ(result.conflicts[0].holder, won);
    EXPECT_EQ(result.conflicts[0].target, 2u);
  }
}

TEST(FactorPropagation, LargerTensorWinsAmongEquals) {
  auto tensors =
      makeTensors(contract, {makeLayout(mesh, {{}, {1}, {}}), makeLayout(mesh, {{1}, {}}),
                             makeOpen(makeLayout(mesh, {{}, {}, {}}))});
  tensors[1].bytes = 100;
  propagateFactors(contract, tensors);
  EXPECT_EQ(tensors[2].layout.axes[3], AxisList({tp}));
}

TEST(FactorPropagation, ExtendsAPrefixAlsoInsideAnAxis) {
  ShardingRule rule = makeRule({{'a', 16}}, {"a"}, {"a"});
  Layout half = Layout::replicated(1);
  half.dims[0] = {tpMajor};
  auto tensors = makeTensors(rule, {makeLayout(mesh, {{1, 0}}), makeOpen(half)});
  EXPECT_TRUE(propagateFactors(rule, tensors).changed);
  EXPECT_EQ(tensors[1].layout.axes[0], AxisList({tp, dp}));
}

TEST(FactorPropagation, AnotherOrderIsAConflict) {
  ShardingRule rule = makeRule({{'a', 16}}, {"a"}, {"a"});
  auto tensors = makeTensors(rule, {makeLayout(mesh, {{1, 0}}), makeOpen(makeLayout(mesh, {{0}}))});
  PropagationResult result = propagateFactors(rule, tensors);
  EXPECT_FALSE(result.changed);
  ASSERT_EQ(result.conflicts.size(), 2u);  // each claims what the other cannot take
  EXPECT_EQ(result.conflicts[0].axis, dp); // the claim of the mesh's earlier axis is applied first
  EXPECT_EQ(result.conflicts[1].axis, tp);
}

TEST(FactorPropagation, EqualClaimsDoNotFollowTheOrderOfTensors) {
  ShardingRule rule = makeRule({{'a', 16}}, {"a", "a"}, {"a"});
  Layout open = makeOpen(makeLayout(mesh, {{}})), onDp = makeLayout(mesh, {{0}}),
         onTp = makeLayout(mesh, {{1}});
  auto tensors = makeTensors(rule, {onDp, onTp, open});
  auto swapped = makeTensors(rule, {onTp, onDp, open});
  propagateFactors(rule, tensors);
  propagateFactors(rule, swapped);
  EXPECT_EQ(tensors[2].layout.axes[0], (AxisList{dp}));
  EXPECT_EQ(swapped[2].layout, tensors[2].layout);
}

TEST(FactorPropagation, AGivenOrderDecides) {
  ShardingRule rule = makeRule({{'a', 16}}, {"a", "a"}, {"a"});
  auto tensors = makeTensors(
      rule, {makeLayout(mesh, {{0}}), makeLayout(mesh, {{1}}), makeOpen(makeLayout(mesh, {{}}))});
  FactorClaim order[] = {{1, 0}, {0, 0}};
  PropagationOptions options;
  options.order = order;
  propagateFactors(rule, tensors, options);
  EXPECT_EQ(tensors[2].layout.axes[0], (AxisList{tp}));
}

TEST(FactorPropagation, ClosedBlockedAndUnevenTakeNothing) {
  ShardingRule rule = makeRule({{'a', 6}, {'c', 4}}, {"ac"}, {"ac"});
  Layout from = makeLayout(mesh, {{0}, {1}}), to = makeLayout(mesh, {{}, {}});
  auto closed = makeTensors(rule, {from, to});
  EXPECT_FALSE(propagateFactors(rule, closed).changed);
  auto blocked = makeTensors(rule, {from, makeOpen(to)});
  blocked[1].blocked = {dp, tp};
  EXPECT_FALSE(propagateFactors(rule, blocked).changed);
  auto uneven = makeTensors(rule, {makeLayout(mesh, {{1}, {}}), makeOpen(to)});
  EXPECT_FALSE(propagateFactors(rule, uneven).changed);
}

TEST(FactorPropagation, OnlyTheKindsAskedFor) {
  auto tensors = makeTensors(contract, {makeOpen(makeLayout(mesh, {{0}, {}, {1}})),
                                        makeOpen(makeLayout(mesh, {{}, {}})),
                                        makeOpen(makeLayout(mesh, {{}, {}, {}}))});
  PropagationOptions options;
  options.kinds = {FactorKind::PassThrough};
  propagateFactors(contract, tensors, options);
  EXPECT_EQ(tensors[2].layout.axes[0], AxisList({dp}));
  EXPECT_TRUE(tensors[1].layout.axes[2].empty());
}

TEST(FactorPropagation, NeedReplicationStaysPut) {
  ShardingRule rule = makeRule({{'d', 8}}, {"d"}, {"d"});
  rule.factors[0].kind = FactorKind::NeedReplication;
  auto tensors = makeTensors(rule, {makeLayout(mesh, {{0}}), makeOpen(makeLayout(mesh, {{}}))});
  EXPECT_FALSE(propagateFactors(rule, tensors).changed);
}
} // namespace
