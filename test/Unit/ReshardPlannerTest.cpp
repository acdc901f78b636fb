//===- ReshardPlannerTest.cpp - plans are right, and the cheapest -----------===//

#include "tpc/Sharding/ReshardPlanner.h"
#include "ShardingTestHelpers.h"
#include "gtest/gtest.h"

using namespace tpc;
using namespace tpc::test;

namespace {
//===----------------------------------------------------------------------===//
// Simulation: what each rank holds, element by element, with the set of summands
//===----------------------------------------------------------------------===//

struct Shard {
  std::vector<int64_t> shape;
  std::vector<std::pair<int64_t, unsigned>> elements; ///< (global index, summands), row-major
};

Shard slicePart(const Shard &shard, unsigned dim, int64_t part, int64_t parts) {
  Shard result{shard.shape, {}};
  int64_t size = result.shape[dim] /= parts;
  for (int64_t i = 0; i < shard.shape[0]; ++i)
    for (int64_t j = 0; j < shard.shape[1]; ++j)
      if ((dim == 0 ? i : j) / size == part)
        result.elements.push_back(shard.elements[i * shard.shape[1] + j]);
  return result;
}

Shard concat(const std::vector<Shard> &shards, unsigned dim) {
  Shard result{shards[0].shape, {}};
  result.shape[dim] *= shards.size();
  for (int64_t i = 0; i < result.shape[0]; ++i)
    for (int64_t j = 0; j < result.shape[1]; ++j) {
      int64_t size = shards[0].shape[dim], index = dim == 0 ? i : j;
      int64_t row = dim == 0 ? i % size : i, column = dim == 1 ? j % size : j;
      result.elements.push_back(shards[index / size].elements[row * shards[0].shape[1] + column]);
    }
  return result;
}

Shard sum(const std::vector<Shard> &shards) {
  Shard result = shards[0];
  for (size_t i = 1; i < shards.size(); ++i)
    for (size_t e = 0; e < result.elements.size(); ++e) {
      EXPECT_EQ(result.elements[e].first, shards[i].elements[e].first);
      EXPECT_EQ(result.elements[e].second & shards[i].elements[e].second, 0u)
          << "summand counted twice";
      result.elements[e].second |= shards[i].elements[e].second;
    }
  return result;
}

/// What every rank holds in `layout`: the summand is numbered by the coordinate along the partial
/// axes of `source`; a value that is reduced over an axis has all of them.
std::vector<Shard> hold(const Mesh &mesh, std::vector<int64_t> shape, const Layout &layout,
                        const Layout &source) {
  std::vector<Shard> ranks;
  for (int64_t rank = 0; rank < mesh.getNumRanks(); ++rank) {
    unsigned summands = 0;
    for (unsigned id = 0; id < getSize(source.partial); ++id) {
      bool has = true;
      unsigned rest = id;
      for (const AxisRef &ref : llvm::reverse(source.partial)) {
        bool still = std::count(layout.partial.begin(), layout.partial.end(), ref) != 0;
        has &= !still || rest % ref.size == ref.getCoordinate(mesh, rank);
        rest /= ref.size;
      }
      summands |= has << id;
    }
    auto local = *getLocalShape(shape, layout);
    auto offsets = getOffsets(shape, layout, mesh, rank);
    Shard shard{{local[0], local[1]}, {}};
    for (int64_t i = 0; i < local[0]; ++i)
      for (int64_t j = 0; j < local[1]; ++j)
        shard.elements.push_back({(offsets[0] + i) * shape[1] + offsets[1] + j, summands});
    ranks.push_back(std::move(shard));
  }
  return ranks;
}

std::vector<Shard> simulate(const Mesh &mesh, std::vector<Shard> ranks, const ReshardStep &step,
                            const Layout &from) {
  std::vector<Shard> next(ranks.size());
  int64_t n = getSize(step.axes);
  for (const auto &group : getGroups(step.axes, mesh)) {
    std::vector<Shard> shards;
    for (int64_t rank : group)
      shards.push_back(ranks[rank]);
    auto pairs = step.kind == CollectiveKind::Permute
                     ? getPermutePairs(from, step.result, step.axes, mesh)
                     : llvm::SmallVector<int64_t>();
    for (int64_t i = 0; i < n; ++i) {
      std::vector<Shard> pieces;
      switch (step.kind) {
      case CollectiveKind::Slice:
        next[group[i]] = slicePart(shards[i], step.dim, i, n);
        break;
      case CollectiveKind::AllGather:
        next[group[i]] = concat(shards, step.dim);
        break;
      case CollectiveKind::AllReduce:
        next[group[i]] = sum(shards);
        break;
      case CollectiveKind::ReduceScatter:
        next[group[i]] = slicePart(sum(shards), step.dim, i, n);
        break;
      case CollectiveKind::AllToAll:
        for (const Shard &shard : shards)
          pieces.push_back(slicePart(shard, step.splitDim, i, n));
        next[group[i]] = concat(pieces, step.dim);
        break;
      case CollectiveKind::Permute:
        next[group[pairs[2 * i + 1]]] = shards[pairs[2 * i]];
        break;
      }
    }
  }
  return next;
}

void expectSame(const std::vector<Shard> &a, const std::vector<Shard> &b) {
  for (size_t rank = 0; rank < a.size(); ++rank) {
    EXPECT_EQ(a[rank].shape, b[rank].shape);
    EXPECT_EQ(a[rank].elements, b[rank].elements);
  }
}

/// Every plan moves real data to where its layouts say; what it costs is ReshardOptimalityTest's.
void checkAllPairs(const Mesh &mesh, std::vector<int64_t> shape) {
  ReshardPlanner planner(CostModel(mesh, makeMachine(1e-6, 1e9)));
  for (const Layout &from : getWholeAxisLayouts(mesh, 2, true))
    for (const Layout &to : getWholeAxisLayouts(mesh, 2, false)) {
      llvm::Expected<ReshardPlan> plan = planner.plan(shape, 4, from, to);
      ASSERT_TRUE(static_cast<bool>(plan)) << llvm::toString(plan.takeError());
      SCOPED_TRACE(toDTensorString(from, mesh) + " -> " + toDTensorString(to, mesh));
      auto ranks = hold(mesh, shape, from, from);
      Layout before = from;
      for (const ReshardStep &step : *plan) {
        ranks = simulate(mesh, std::move(ranks), step, before);
        before = step.result;
        expectSame(ranks, hold(mesh, shape, before, from));
      }
      EXPECT_EQ(before, to);
    }
}

TEST(ReshardPlanner, PlansMoveDataToWhereTheySay) {
  checkAllPairs(makeMesh({{"x", 2}, {"y", 2}}), {8, 16});
  checkAllPairs(makeMesh({{"x", 2}, {"y", 4}}), {16, 8});
  checkAllPairs(makeMesh({{"x", 2}, {"y", 2}, {"z", 2}}), {16, 8});
}

/// Of a group of a million, by hand: the halves of the axis change places, so rank 1024 a + b gets
/// the shard of rank 1024 b + a. Only linear work ends.
TEST(ReshardPlanner, PairsOfLargeGroups) {
  constexpr int64_t half = 1024;
  Mesh large = makeMesh({{"x", half * half}});
  Layout from = Layout::replicated(1), to = from;
  from.dims[0] = {{0, 1, half}, {0, half, half}};
  to.dims[0] = {{0, half, half}, {0, 1, half}};
  auto pairs = getPermutePairs(from, to, {AxisRef::whole(large, 0)}, large);
  ASSERT_EQ(pairs.size(), 2u * half * half);
  for (int64_t rank = 0; rank < half * half; ++rank) {
    ASSERT_EQ(pairs[2 * rank], rank % half * half + rank / half);
    ASSERT_EQ(pairs[2 * rank + 1], rank);
  }
}

/// Several ranks hold each shard: each of them sends it once.
TEST(ReshardPlanner, PairsOfReplicasAreOneToOne) {
  Mesh two = makeMesh({{"x", 2}, {"y", 2}});
  auto pairs = getPermutePairs(makeLayout(two, {{0}}), makeLayout(two, {{1}}),
                               {AxisRef::whole(two, 0), AxisRef::whole(two, 1)}, two);
  // ranks 0, 1 hold the first half and 2, 3 the second; 0, 2 want the first and 1, 3 the second
  EXPECT_EQ(pairs, (llvm::SmallVector<int64_t>{0, 0, 2, 1, 1, 2, 3, 3}));
}

//===----------------------------------------------------------------------===//
// Worked examples
//===----------------------------------------------------------------------===//

const Mesh mesh = makeMesh({{"dp", 2}, {"tp", 4}});

ReshardPlan plan(const Layout &from, const Layout &to, std::vector<int64_t> shape = {8, 16}) {
  ReshardPlanner planner(CostModel(mesh, makeMachine(1e-6, 1e9)));
  return llvm::cantFail(planner.plan(shape, 4, from, to));
}

std::string getError(const Layout &from, const Layout &to, std::vector<int64_t> shape = {8, 16}) {
  ReshardPlanner planner(CostModel(mesh, makeMachine(1e-6, 1e9)));
  auto result = planner.plan(shape, 4, from, to);
  return result ? "" : llvm::toString(result.takeError());
}

TEST(ReshardPlanner, EqualLayoutsNeedNothing) {
  EXPECT_TRUE(plan(makeLayout(mesh, {{0}, {1}}), makeLayout(mesh, {{0}, {1}})).empty());
}

TEST(ReshardPlanner, MovingASplitIsAnAllToAll) {
  ReshardPlan steps = plan(makeLayout(mesh, {{1}, {}}), makeLayout(mesh, {{}, {1}}));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, CollectiveKind::AllToAll);
  EXPECT_EQ(steps[0].dim, 0u);
  EXPECT_EQ(steps[0].splitDim, 1u);
  EXPECT_DOUBLE_EQ(steps[0].receivedBytes, 8 * 16 * 4 / 4 * 3 / 4.0);
}

TEST(ReshardPlanner, PartialToShardScatters) {
  ReshardPlan steps = plan(makeLayout(mesh, {{}, {}}, {1}), makeLayout(mesh, {{0}, {1}}));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].kind, CollectiveKind::Slice);
  EXPECT_EQ(steps[1].kind, CollectiveKind::ReduceScatter);
  EXPECT_EQ(steps[1].dim, 1u);
}

TEST(ReshardPlanner, PartialToReplicateReducesOnce) {
  ReshardPlan steps = plan(makeLayout(mesh, {{}, {}}, {0, 1}), makeLayout(mesh, {{}, {}}));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, CollectiveKind::AllReduce);
  EXPECT_EQ(steps[0].axes.size(), 2u);
}

TEST(ReshardPlanner, ScalarsHaveNoDimensionToScatter) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 4}});
  ReshardPlanner planner(CostModel(mesh, makeMachine(1e-6, 1e9)));
  ReshardPlan plan =
      llvm::cantFail(planner.plan({}, 4, makeLayout(mesh, {}, {0, 1}), makeLayout(mesh, {}, {})));
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].kind, CollectiveKind::AllReduce);
  EXPECT_EQ(plan[0].axes.size(), 2u);
}

TEST(ReshardPlanner, GatherOfSeveralAxesIsOneCollective) {
  ReshardPlan steps = plan(makeLayout(mesh, {{1, 0}, {}}), makeLayout(mesh, {{}, {}}));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].axes, AxisList({AxisRef::whole(mesh, 1), AxisRef::whole(mesh, 0)}));
}

TEST(ReshardPlanner, SubAxisGathersOnlyItsPart) {
  Layout half = Layout::replicated(2);
  half.dims[0] = {{1, 1, 2}};
  ReshardPlan steps = plan(makeLayout(mesh, {{1}, {}}), half);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].kind, CollectiveKind::AllGather);
  EXPECT_EQ(steps[0].axes, AxisList({AxisRef{1, 2, 2}}));
}

TEST(ReshardPlanner, AxesOfSizeOneAreIgnored) {
  Mesh one = makeMesh({{"dp", 1}, {"tp", 4}});
  ReshardPlanner planner(CostModel(one, makeMachine(1e-6, 1e9)));
  auto steps = planner.plan({8, 16}, 4, makeLayout(one, {{0}, {1}}), makeLayout(one, {{}, {1}}));
  EXPECT_TRUE(llvm::cantFail(std::move(steps)).empty());
}

//===----------------------------------------------------------------------===//
// Prices with a limit
//===----------------------------------------------------------------------===//

/// Whatever was asked before, too low a limit included.
TEST(ReshardPlanner, PricesBelowALimitAreThoseOfPlans) {
  Mesh cube = makeMesh({{"x", 2}, {"y", 4}, {"z", 2}});
  CostModel cost(cube, makeMachine(1e-6, 1e9));
  ReshardPlanner planner(cost), limited(cost);
  for (const Layout &from : getWholeAxisLayouts(cube, 2, true))
    for (const Layout &to : getWholeAxisLayouts(cube, 2, false)) {
      SCOPED_TRACE(toDTensorString(from, cube) + " -> " + toDTensorString(to, cube));
      double seconds = getSeconds(llvm::cantFail(planner.plan({16, 32}, 4, from, to)));
      auto ask = [&](double limit) {
        return limited.getSecondsBelow(limit, {16, 32}, 4, from, to);
      };
      EXPECT_FALSE(ask(seconds * 0.5));
      EXPECT_FALSE(ask(seconds));
      std::optional<double> found = ask(seconds + 1e-12);
      ASSERT_TRUE(found);
      EXPECT_NEAR(*found, seconds, 1e-14);
      EXPECT_FALSE(ask(seconds));
      EXPECT_TRUE(ask(std::numeric_limits<double>::infinity()));
    }
}

TEST(ReshardPlanner, WhatCannotBePlannedIsBelowNoLimit) {
  ReshardPlanner planner(CostModel(mesh, makeMachine(1e-6, 1e9)));
  Layout whole = makeLayout(mesh, {{}, {}}), partial = makeLayout(mesh, {{}, {}}, {1});
  for (double limit : {1.0, std::numeric_limits<double>::infinity()})
    EXPECT_FALSE(planner.getSecondsBelow(limit, {8, 16}, 4, whole, partial));
}

//===----------------------------------------------------------------------===//
// What cannot be planned
//===----------------------------------------------------------------------===//

TEST(ReshardPlanner, UnevenSplitNamesDimensionSizeAndAxes) {
  EXPECT_EQ(getError(makeLayout(mesh, {{1}, {}}), makeLayout(mesh, {{}, {}}), {6, 16}),
            "dimension 0 of size 6 cannot be split evenly over 'tp' (4 parts); choose a size that "
            "is a multiple of 4, a "
            "smaller mesh axis, or leave this dimension whole");
}

TEST(ReshardPlanner, NothingBecomesPartial) {
  EXPECT_EQ(getError(makeLayout(mesh, {{}, {}}), makeLayout(mesh, {{}, {}}, {1})),
            "cannot make Partial(sum) on tp out of Replicate: only an op's result becomes Partial");
}

TEST(ReshardPlanner, AxisUsedTwice) {
  EXPECT_EQ(getError(makeLayout(mesh, {{1}, {1}}), makeLayout(mesh, {{}, {}})),
            "a mesh axis is used twice in Shard(0) on tp, Shard(1) on tp");
}

TEST(ReshardPlanner, RankMismatch) {
  EXPECT_EQ(getError(makeLayout(mesh, {{1}}), makeLayout(mesh, {{}, {}})),
            "layout of rank 1 for a tensor of rank 2");
}

TEST(ReshardPlanner, SubAxesThatDoNotNest) {
  Mesh six = makeMesh({{"x", 6}});
  Layout from = Layout::replicated(1), to = from;
  from.dims[0] = {{0, 1, 2}};
  to.dims[0] = {{0, 1, 3}};
  ReshardPlanner planner(CostModel(six, makeMachine(1e-6, 1e9)));
  ReshardPlan plan = llvm::cantFail(planner.plan({6}, 4, from, to));
  ASSERT_EQ(plan.size(), 2u); // halves to thirds: by way of the whole
  EXPECT_EQ(plan[0].kind, CollectiveKind::AllGather);
  EXPECT_EQ(plan[1].kind, CollectiveKind::Slice);
  EXPECT_EQ(plan[1].result, to);
}

/// 16 elements over x and y, then over y alone: everything gathered and sliced is one collective,
/// but has all 64 bytes on a rank in between; x and y exchanged, then x gathered, never has more
/// than 32.
TEST(ReshardPlanner, MemoryCapTakesAnotherWayOrSaysSo) {
  Mesh two = makeMesh({{"x", 2}, {"y", 2}});
  ReshardPlanner planner(CostModel(two, makeMachine(1e-6, 1e9)));
  auto getKinds = [&] {
    llvm::SmallVector<CollectiveKind> kinds;
    for (const ReshardStep &step :
         llvm::cantFail(planner.plan({16}, 4, makeLayout(two, {{0, 1}}), makeLayout(two, {{1}}))))
      kinds.push_back(step.kind);
    return kinds;
  };
  using Kinds = llvm::SmallVector<CollectiveKind>;
  EXPECT_EQ(getKinds(), Kinds({CollectiveKind::AllGather, CollectiveKind::Slice}));
  planner.setMemoryCap(32);
  EXPECT_EQ(getKinds(), Kinds({CollectiveKind::Permute, CollectiveKind::AllGather}));
  planner.setMemoryCap(1);
  auto result = planner.plan({8, 8}, 4, makeLayout(two, {{0, 1}, {}}), makeLayout(two, {{1}, {0}}));
  EXPECT_EQ(llvm::toString(result.takeError()),
            "no way from Shard(0) on (x, y) to Shard(0) on y, Shard(1) on x "
            "within 1 bytes of intermediate memory");
}

//===----------------------------------------------------------------------===//
// Machines
//===----------------------------------------------------------------------===//

TEST(MachineModel, PresetsAreRead) {
  for (llvm::StringRef name : MachineModel::getPresetNames()) {
    MachineModel machine = llvm::cantFail(MachineModel::getPreset(name));
    EXPECT_EQ(machine.name, name);
    EXPECT_GT(machine.getLink("tp").bandwidth, 1e8);
  }
}

TEST(MachineModel, AxesChooseTheirLinks) {
  MachineModel machine = llvm::cantFail(MachineModel::parse(
      "name: m\nflops: 1.0\nmemory_bandwidth: 1.0\ndefault_link: a\n"
      "links: [{name: a, latency: 1.0, bandwidth: 2.0}, {name: b, latency: 3.0, bandwidth: 4.0}]\n"
      "axes: [{axis: dp, link: b}]\n"));
  EXPECT_EQ(machine.getLink("dp").latency, 3.0);
  EXPECT_EQ(machine.getLink("tp").latency, 1.0);
  // both axes: the slower link, 3 + (8 - 1) / 8 * 16 bytes / 2 per second
  EXPECT_DOUBLE_EQ(CostModel(mesh, machine)
                       .getSeconds(CollectiveKind::AllToAll,
                                   {AxisRef::whole(mesh, 0), AxisRef::whole(mesh, 1)}, 16),
                   3 + 7.0);
}

std::string getMachineError(llvm::StringRef yaml) {
  auto machine = MachineModel::parse(yaml);
  return machine ? "" : llvm::toString(machine.takeError());
}

TEST(MachineModel, RefusesWhatMakesNoSense) {
  std::string head = "name: m\nflops: 1.0\nmemory_bandwidth: 1.0\n";
  EXPECT_EQ(
      getMachineError(head + "default_link: b\nlinks: [{name: a, latency: 1.0, bandwidth: 2.0}]\n"),
      "machine model 'm': default_link 'b' is not among the links");
  EXPECT_EQ(
      getMachineError(head + "default_link: a\nlinks: [{name: a, latency: 1.0, bandwidth: 0.0}]\n"),
      "machine model 'm': link 'a' needs a latency of at least zero and a positive bandwidth");
  EXPECT_NE(getMachineError("name: m\n").find("missing required key 'flops'"), std::string::npos);
  EXPECT_EQ(
      llvm::toString(MachineModel::getPreset("abacus").takeError()),
      "unknown machine 'abacus', expected one of a100x8, b200x8, ethernet-mpi, h100x8, h200x8, "
      "rtx-pro-6000x8, shared-memory "
      "or a YAML file");
}
} // namespace
