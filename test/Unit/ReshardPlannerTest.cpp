//===- ReshardPlannerTest.cpp - plans are right, and the cheapest -----------===//

#include "tpc/Sharding/ReshardPlanner.h"
#include "ShardingTestHelpers.h"
#include "gtest/gtest.h"
#include <map>
#include <set>

using namespace tpc;
using namespace tpc::test;

namespace {
MachineModel makeMachine(double latency, double bandwidth) {
  MachineModel machine;
  machine.links = {{"link", latency, bandwidth}};
  machine.defaultLink = "link";
  return machine;
}

/// Every whole-axis layout of a rank-2 tensor; with partial sets if asked.
std::vector<Layout> getAllLayouts(const Mesh &mesh, bool partial) {
  std::vector<Layout> layouts = {Layout::replicated(2)};
  for (size_t i = 0; i < layouts.size(); ++i) { // grows while it is walked
    Layout layout = layouts[i];
    for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
      AxisRef ref = AxisRef::whole(mesh, axis);
      AxisList used = layout.getUsedAxes();
      if (std::count(used.begin(), used.end(), ref))
        continue;
      for (unsigned place = 0; place < (partial ? 3 : 2); ++place) {
        Layout next = layout;
        (place < 2 ? next.dims[place] : next.partial).push_back(ref);
        std::sort(next.partial.begin(), next.partial.end());
        if (std::count(layouts.begin(), layouts.end(), next) == 0)
          layouts.push_back(next);
      }
    }
  }
  return layouts;
}

//===----------------------------------------------------------------------===//
// Reference: Dijkstra over the moves as the header states them, on lists of axis numbers
//===----------------------------------------------------------------------===//

using Axes = std::vector<unsigned>;
struct Plain {
  std::vector<Axes> dims;
  std::set<unsigned> partial;
  bool operator<(const Plain &o) const {
    return std::tie(dims, partial) < std::tie(o.dims, o.partial);
  }
};

Plain toPlain(const Layout &layout) {
  Plain plain;
  for (const AxisList &axes : layout.dims) {
    plain.dims.emplace_back();
    for (const AxisRef &ref : axes)
      plain.dims.back().push_back(ref.axis);
  }
  for (const AxisRef &ref : layout.partial)
    plain.partial.insert(ref.axis);
  return plain;
}

struct Reference {
  const Mesh &mesh;
  std::vector<int64_t> shape;
  double alpha, beta;

  double getSize(const Axes &axes) const {
    double size = 1;
    for (unsigned axis : axes)
      size *= static_cast<double>(mesh.axes[axis].size);
    return size;
  }
  double getLocal(const Plain &plain) const {
    double bytes = 4;
    for (size_t d = 0; d < shape.size(); ++d)
      bytes *= static_cast<double>(shape[d]) / getSize(plain.dims[d]);
    return bytes;
  }
  bool isEven(const Plain &plain) const {
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] % static_cast<int64_t>(getSize(plain.dims[d])) != 0)
        return false;
    return true;
  }

  std::map<Plain, double> getNeighbours(const Plain &p, const std::vector<Plain> &all) const {
    std::map<Plain, double> next;
    auto add = [&](const Plain &q, double received, bool moves = true) {
      double price = moves ? alpha + beta * received : 0;
      if (isEven(q) && (!next.count(q) || price < next[q]))
        next[q] = price;
    };
    double local = getLocal(p);
    for (unsigned d = 0; d < p.dims.size(); ++d) {
      for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
        bool used = p.partial.count(axis) != 0;
        for (const Axes &list : p.dims)
          used |= std::count(list.begin(), list.end(), axis) != 0;
        Plain q = p;
        q.dims[d].push_back(axis);
        if (!used)
          add(q, 0, false);
      }
      for (size_t keep = 0; keep < p.dims[d].size(); ++keep) {
        Axes moved(p.dims[d].begin() + keep, p.dims[d].end());
        double n = getSize(moved);
        Plain q = p;
        q.dims[d].resize(keep);
        add(q, (n - 1) * local);
        for (unsigned e = 0; e < p.dims.size(); ++e) {
          Plain r = q;
          r.dims[e].insert(r.dims[e].end(), moved.begin(), moved.end());
          if (e != d)
            add(r, (n - 1) / n * local);
        }
      }
    }
    addReductions(p, local, add);
    for (const Plain &q : all) // any relabelling that keeps every dimension's number of parts
      if (q.partial == p.partial && q.dims != p.dims) {
        bool same = true;
        for (size_t d = 0; d < shape.size(); ++d)
          same &= getSize(q.dims[d]) == getSize(p.dims[d]);
        if (same)
          add(q, local);
      }
    return next;
  }

  template <typename Add>
  void addReductions(const Plain &p, double local, Add add) const {
    std::vector<unsigned> order(p.partial.begin(), p.partial.end());
    do
      for (size_t count = 1; count <= order.size(); ++count) {
        Axes moved(order.begin(), order.begin() + count);
        double n = getSize(moved);
        Plain q = p;
        for (unsigned axis : moved)
          q.partial.erase(axis);
        add(q, 2 * (n - 1) / n * local);
        for (unsigned d = 0; d < p.dims.size(); ++d) {
          Plain r = q;
          r.dims[d].insert(r.dims[d].end(), moved.begin(), moved.end());
          add(r, (n - 1) / n * local);
        }
      }
    while (std::next_permutation(order.begin(), order.end()));
  }

  std::map<Plain, double> getDistances(const Plain &from, const std::vector<Plain> &all) const {
    std::map<Plain, double> distance = {{from, 0}};
    std::set<std::pair<double, Plain>> queue = {{0, from}};
    while (!queue.empty()) {
      auto [cost, p] = *queue.begin();
      queue.erase(queue.begin());
      if (cost > distance[p])
        continue;
      for (auto &[q, price] : getNeighbours(p, all))
        if (!distance.count(q) || cost + price < distance[q]) {
          distance[q] = cost + price;
          queue.insert({cost + price, q});
        }
    }
    return distance;
  }
};

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

void checkAllPairs(const Mesh &mesh, std::vector<int64_t> shape, double alpha, double beta) {
  ReshardPlanner planner(CostModel(mesh, makeMachine(alpha, 1 / beta)));
  Reference reference{mesh, shape, alpha, beta};
  std::vector<Layout> sources = getAllLayouts(mesh, true);
  std::vector<Plain> all;
  for (const Layout &layout : sources)
    all.push_back(toPlain(layout));
  for (const Layout &from : sources) {
    auto distances = reference.getDistances(toPlain(from), all);
    for (const Layout &to : getAllLayouts(mesh, false)) {
      llvm::Expected<ReshardPlan> plan = planner.plan(shape, 4, from, to);
      ASSERT_TRUE(static_cast<bool>(plan)) << llvm::toString(plan.takeError());
      SCOPED_TRACE(toDTensorString(from, mesh) + " -> " + toDTensorString(to, mesh));
      EXPECT_NEAR(getSeconds(*plan), distances[toPlain(to)], 1e-9 * alpha + 1e-13);
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
}

TEST(ReshardPlanner, CheapestAndCorrectOnAllPairs2x2) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 2}});
  checkAllPairs(mesh, {8, 16}, 1e-5, 1e-9);
  checkAllPairs(mesh, {8, 16}, 1e-9, 1e-9);
}

TEST(ReshardPlanner, CheapestAndCorrectOnAllPairs2x4) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 4}});
  checkAllPairs(mesh, {16, 8}, 1e-6, 1e-9);
  checkAllPairs(mesh, {16, 8}, 1e-7, 1e-7);
}

TEST(ReshardPlanner, CheapestAndCorrectOnAllPairs2x2x2) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 2}, {"z", 2}});
  checkAllPairs(mesh, {16, 8}, 1e-7, 1e-9);
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

TEST(ReshardPlanner, MemoryCapTakesAnotherWayOrSaysSo) {
  Mesh two = makeMesh({{"x", 2}, {"y", 2}});
  ReshardPlanner planner(CostModel(two, makeMachine(1e-6, 1e9)));
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
  EXPECT_EQ(llvm::toString(MachineModel::getPreset("abacus").takeError()),
            "unknown machine 'abacus', expected one of ethernet-mpi, h100x8, h200x8, shared-memory "
            "or a YAML file");
}
} // namespace
