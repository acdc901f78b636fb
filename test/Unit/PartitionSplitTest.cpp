//===- PartitionSplitTest.cpp - how an op may be split, and what fits -------===//

#include "ShardingTestHelpers.h"
#include "tpc/Partition/SplitCandidates.h"
#include "gtest/gtest.h"

using namespace tpc;
using namespace tpc::test;

namespace {
const Mesh mesh = makeMesh({{"dp", 2}, {"tp", 4}});
const AxisRef dp = AxisRef::whole(mesh, 0), tp = AxisRef::whole(mesh, 1);

ShardingRule makeContract() {
  ShardingRule rule = makeRule({{'s', 16}, {'k', 8}, {'n', 12}}, {"sk", "nk"}, {"sn"}, "k");
  rule.linearSets = {{0}, {1}};
  return rule;
}

ShardingRule makeAdd() {
  ShardingRule rule = makeRule({{'a', 8}}, {"a", "a"}, {"a"});
  rule.linearSets = {{0, 1}};
  return rule;
}

std::string getWhy(const ShardingRule &rule, std::vector<Layout> operands,
                   std::vector<Layout> results) {
  std::string why;
  return findSplit(rule, operands, results, mesh, why) ? "" : why;
}

//===----------------------------------------------------------------------===//
// What fits
//===----------------------------------------------------------------------===//

TEST(RuleFit, SplitReductionMakesSummands) {
  EXPECT_EQ(getWhy(makeContract(), {makeLayout(mesh, {{0}, {1}}), makeLayout(mesh, {{}, {1}})},
                   {makeLayout(mesh, {{0}, {}}, {1})}),
            "");
}

TEST(RuleFit, SummandsPassThroughOneOperand) {
  EXPECT_EQ(getWhy(makeContract(), {makeLayout(mesh, {{}, {}}, {1}), makeLayout(mesh, {{0}, {}})},
                   {makeLayout(mesh, {{}, {0}}, {1})}),
            "");
}

TEST(RuleFit, SummandsPassThroughASum) {
  Layout partial = makeLayout(mesh, {{0}}, {1});
  EXPECT_EQ(getWhy(makeAdd(), {partial, partial}, {partial}), "");
}

TEST(RuleFit, ReducedButNotSaidToBe) {
  EXPECT_EQ(getWhy(makeContract(), {makeLayout(mesh, {{}, {1}}), makeLayout(mesh, {{}, {1}})},
                   {makeLayout(mesh, {{}, {}})}),
            "result 0 must be Partial(sum) on tp to fit the rule ([s, k], [n, k]) -> [s, n] reduce "
            "{k}, got Replicate");
}

TEST(RuleFit, WholePlusSummand) {
  EXPECT_EQ(
      getWhy(makeAdd(), {makeLayout(mesh, {{}}, {1}), makeLayout(mesh, {{}})},
             {makeLayout(mesh, {{}}, {1})}),
      "operand 0 must be Replicate to fit the rule ([a], [a]) -> [a], got Partial(sum) on tp");
}

TEST(RuleFit, MaximaDoNotPassThroughASum) {
  Layout maxima = makeLayout(mesh, {{}}, {1});
  maxima.partialKind = ReductionKind::Max;
  EXPECT_EQ(
      getWhy(makeAdd(), {maxima, maxima}, {maxima}),
      "operand 0 must be Replicate to fit the rule ([a], [a]) -> [a], got Partial(max) on tp");
}

TEST(RuleFit, TwoSumsMultiplied) {
  EXPECT_EQ(getWhy(makeContract(),
                   {makeLayout(mesh, {{}, {}}, {1}), makeLayout(mesh, {{}, {}}, {1})},
                   {makeLayout(mesh, {{}, {}}, {1})}),
            "mesh axis 'tp' is used in two ways by operands of the rule ([s, k], [n, k]) -> [s, n] "
            "reduce {k}");
}

TEST(RuleFit, OtherOrderOfAxes) {
  EXPECT_EQ(getWhy(makeAdd(), {makeLayout(mesh, {{0, 1}}), makeLayout(mesh, {{1, 0}})},
                   {makeLayout(mesh, {{0, 1}})}),
            "operand 1 must be Shard(0) on (dp, tp) to fit the rule ([a], [a]) -> [a], got "
            "Shard(0) on (tp, dp)");
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

TEST(SplitCandidates, OneAxisTwoFactorsOrNone) {
  ShardingRule rule = makeContract();
  SplitCandidates candidates(rule, mesh);
  candidates.addLayout(rule.operands[0], makeLayout(mesh, {{1}, {}}));
  candidates.addLayout(rule.operands[1], makeLayout(mesh, {{1}, {}}));
  std::vector<OpSplit> splits = candidates.enumerate();
  ASSERT_EQ(splits.size(), 3u);
  EXPECT_EQ(splits[0].factors[0], AxisList({tp}));
  EXPECT_EQ(splits[1].factors[2], AxisList({tp}));
  EXPECT_EQ(*getResultLayout(rule, splits[1], 0, mesh), makeLayout(mesh, {{}, {1}}));
  EXPECT_EQ(*getOperandLayout(rule, splits[1], 0, mesh), makeLayout(mesh, {{}, {}}));
  EXPECT_TRUE(splits[2].factors[0].empty() && splits[2].factors[2].empty());
}

TEST(SplitCandidates, SeveralAxesKeepTheOrderOfALayout) {
  ShardingRule rule = makeAdd();
  SplitCandidates candidates(rule, mesh);
  candidates.addLayout(rule.operands[0], makeLayout(mesh, {{1, 0}}));
  EXPECT_EQ(candidates.enumerate()[0].factors[0], AxisList({tp, dp}));
}

TEST(SplitCandidates, SubAxesArePartsOfTheirOwn) {
  ShardingRule rule = makeRule({{'h', 2}, {'g', 2}}, {"hg"}, {"hg"});
  Layout heads = Layout::replicated(2);
  heads.dims[0] = {{1, 1, 2}};
  heads.dims[1] = {{1, 2, 2}};
  SplitCandidates candidates(rule, mesh);
  candidates.addLayout(rule.operands[0], heads);
  ASSERT_EQ(candidates.enumerate().size(), 4u); // each half splits its factor or nothing
  EXPECT_EQ(*getResultLayout(rule, candidates.enumerate()[0], 0, mesh), heads);
}

TEST(SplitCandidates, UnevenAndWholeFactorsAreNone) {
  ShardingRule rule = makeRule({{'a', 6}, {'d', 8}}, {"ad"}, {"ad"});
  rule.factors[1].kind = FactorKind::NeedReplication;
  SplitCandidates candidates(rule, mesh);
  candidates.addLayout(rule.operands[0], makeLayout(mesh, {{1}, {0}}));
  std::vector<OpSplit> splits = candidates.enumerate();
  ASSERT_EQ(splits.size(), 1u);
  EXPECT_TRUE(splits[0].factors[0].empty() && splits[0].factors[1].empty());
}

TEST(SplitCandidates, PassingIsARoleLikeOthers) {
  ShardingRule rule = makeContract();
  SplitCandidates candidates(rule, mesh);
  candidates.addLayout(rule.operands[1], makeLayout(mesh, {{1}, {}}));
  candidates.addPassing(0, tp);
  std::vector<OpSplit> splits = candidates.enumerate();
  ASSERT_EQ(splits.size(), 3u);
  EXPECT_EQ(*getResultLayout(rule, splits[1], 0, mesh), makeLayout(mesh, {{}, {}}, {1}));
  EXPECT_EQ(*getOperandLayout(rule, splits[1], 0, mesh), makeLayout(mesh, {{}, {}}, {1}));
  EXPECT_EQ(*getOperandLayout(rule, splits[1], 1, mesh), makeLayout(mesh, {{}, {}}));
}
} // namespace
