//===- ReshardOptimalityTest.cpp - plans cost what brute force costs --------===//
//
// With TPC_EXHAUSTIVE set (target check-tpc-reshards) every pair of whole-axis layouts and 100,000
// random pairs of sub-axes are planned in each setting, without it a part of those on 64 ranks and
// 1,000 pairs. Prints what a plan takes to find.
//
//===----------------------------------------------------------------------===//

#include "ReshardReference.h"
#include "ShardingTestHelpers.h"
#include "tpc/Sharding/ReshardPlanner.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>

using namespace tpc;
using namespace tpc::test;

namespace {
/// One link for all axes: latency that dwarfs bytes, that equals some hundred of them, that is next
/// to nothing.
using Setting = std::vector<ReshardReference::Link>;
const Setting settings[] = {{{1e-5, 1e-11}}, {{1e-6, 1e-9}}, {{1e-7, 1e-7}}};

/// A machine whose axes have these links, or share the only one.
MachineModel makeMachine(const Mesh &mesh, const Setting &setting) {
  MachineModel machine = test::makeMachine(setting[0].alpha, 1 / setting[0].beta);
  for (size_t axis = 1; axis < setting.size(); ++axis) {
    LinkModel link = machine.links[0];
    link.name = "link" + std::to_string(axis);
    link.latency = setting[axis].alpha;
    link.bandwidth = 1 / setting[axis].beta;
    machine.axes.push_back({mesh.axes[axis].name, link.name});
    machine.links.push_back(std::move(link));
  }
  return machine;
}

bool isExhaustive() { return std::getenv("TPC_EXHAUSTIVE") != nullptr; }

/// Plans and compares; remembers what finding a plan took, unknown and known.
class Checker {
public:
  Checker(const Mesh &mesh, const std::vector<int64_t> &shape, const ReshardGraph &graph,
          const Setting &setting)
      : mesh(mesh), shape(shape), planner(CostModel(mesh, makeMachine(mesh, setting))),
        reference(graph, setting) {}

  ~Checker() {
    std::cout << "[ " << unknown.size() << " plans: median " << getMedian(unknown) << " us, known "
              << getMedian(known) << " us ]\n";
  }

  void check(const Layout &from, const Layout &to) {
    SCOPED_TRACE(toDTensorString(from, mesh) + " -> " + toDTensorString(to, mesh));
    auto plan = findPlan(from, to, unknown);
    ASSERT_TRUE(static_cast<bool>(plan)) << llvm::toString(plan.takeError());
    double expected = reference.getSeconds(from, to);
    EXPECT_NEAR(getSeconds(*plan), expected, 1e-6 * expected + 1e-14);
    llvm::cantFail(findPlan(from, to, known));
  }

private:
  llvm::Expected<ReshardPlan> findPlan(const Layout &from, const Layout &to,
                                       std::vector<double> &microseconds) {
    auto start = std::chrono::steady_clock::now();
    auto plan = planner.plan(shape, 4, from, to);
    std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
    microseconds.push_back(spent.count());
    return plan;
  }
  static double getMedian(std::vector<double> &values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
  }

  const Mesh &mesh;
  std::vector<int64_t> shape;
  ReshardPlanner planner;
  ReshardReference reference;
  std::vector<double> unknown, known;
};

/// All pairs of whole-axis layouts, or every `stride`th.
void checkWholeAxes(const Mesh &mesh, const std::vector<int64_t> &shape, size_t stride = 1) {
  std::vector<Layout> sources = getWholeAxisLayouts(mesh, shape.size(), true);
  std::vector<Layout> targets = getWholeAxisLayouts(mesh, shape.size(), false);
  ReshardGraph graph(mesh, shape);
  for (const Setting &setting : settings) {
    Checker checker(mesh, shape, graph, setting);
    for (size_t pair = 0; pair < sources.size() * targets.size(); pair += stride)
      checker.check(sources[pair / targets.size()], targets[pair % targets.size()]);
  }
}

TEST(ReshardOptimality, WholeAxes2x2) {
  checkWholeAxes(makeMesh({{"x", 2}, {"y", 2}}), {8, 16});
  checkWholeAxes(makeMesh({{"x", 2}, {"y", 2}}), {8, 16, 4});
}

TEST(ReshardOptimality, WholeAxes2x4) {
  checkWholeAxes(makeMesh({{"x", 2}, {"y", 4}}), {16, 8});
  checkWholeAxes(makeMesh({{"x", 2}, {"y", 4}}), {16, 8, 8});
}

TEST(ReshardOptimality, WholeAxes2x2x2) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 2}, {"z", 2}});
  checkWholeAxes(mesh, {16, 8});
  checkWholeAxes(mesh, {16, 8, 8}, isExhaustive() ? 1 : 5);
}

TEST(ReshardOptimality, WholeAxes2x4x8) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 4}, {"z", 8}});
  checkWholeAxes(mesh, {64, 128}, isExhaustive() ? 1 : 1499);
  if (isExhaustive())
    checkWholeAxes(mesh, {64, 128, 64});
}

TEST(ReshardOptimality, WholeAxes8x2x4) {
  Mesh mesh = makeMesh({{"x", 8}, {"y", 2}, {"z", 4}});
  checkWholeAxes(mesh, {64, 128}, isExhaustive() ? 1 : 1501);
  if (isExhaustive())
    checkWholeAxes(mesh, {64, 128, 64});
}

/// Puts each prime part of the mesh into a dimension, nowhere or, if asked, among the sums.
Layout drawLayout(const Mesh &mesh, unsigned rank, bool partial, std::mt19937_64 &random) {
  std::vector<AxisRef> parts;
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
    int64_t rest = mesh.axes[axis].size, pre = 1;
    for (int64_t prime = 2; rest > 1; ++prime)
      for (; rest % prime == 0; rest /= prime, pre *= prime)
        parts.push_back({axis, pre, prime});
  }
  for (size_t i = parts.size(); i > 1; --i)
    std::swap(parts[i - 1], parts[random() % i]);
  Layout layout = Layout::replicated(rank);
  for (const AxisRef &part : parts) {
    unsigned place = random() % (rank + 1 + partial);
    if (place < rank)
      layout.dims[place].push_back(part);
    else if (place > rank)
      layout.partial.push_back(part);
  }
  for (AxisList &axes : layout.dims)
    axes = getCanonical(axes, mesh);
  std::sort(layout.partial.begin(), layout.partial.end());
  layout.partial = getCanonical(layout.partial, mesh);
  return layout;
}

TEST(ReshardOptimality, RandomSubAxes) {
  std::mt19937_64 random(20);
  std::vector<Mesh> meshes = {makeMesh({{"x", 4}, {"y", 4}}),
                              makeMesh({{"x", 2}, {"y", 4}, {"z", 2}}),
                              makeMesh({{"x", 6}, {"y", 4}})};
  size_t pairs = (isExhaustive() ? 100000 : 1000) / meshes.size() + 1;
  for (const Mesh &mesh : meshes) {
    ReshardGraph graph(mesh, {96, 48});
    for (const Setting &setting : settings) {
      Checker checker(mesh, {96, 48}, graph, setting);
      for (size_t i = 0; i < pairs; ++i)
        checker.check(drawLayout(mesh, 2, true, random), drawLayout(mesh, 2, false, random));
    }
  }
}

/// Latency and bandwidth of every axis its own: the slower axis first, last, in latency alone.
TEST(ReshardOptimality, LinksOfTheirOwn) {
  const Setting own[] = {
      {{1e-5, 1e-8}, {1e-6, 1e-9}}, {{1e-6, 1e-9}, {1e-5, 1e-8}}, {{1e-7, 1e-7}, {1e-5, 1e-9}}};
  Mesh mesh = makeMesh({{"x", 2}, {"y", 4}});
  std::vector<Layout> sources = getWholeAxisLayouts(mesh, 2, true),
                      targets = getWholeAxisLayouts(mesh, 2, false);
  ReshardGraph graph(mesh, {64, 64});
  for (const Setting &setting : own) {
    Checker checker(mesh, {64, 64}, graph, setting);
    for (const Layout &from : sources)
      for (const Layout &to : targets)
        checker.check(from, to);
  }
}

/// `layout` without what does not divide `shape`, and with sums of the first axis only.
Layout getFitting(Layout layout, const std::vector<int64_t> &shape) {
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    while (shape[dim] % getSize(layout.dims[dim]) != 0)
      layout.dims[dim].pop_back();
  llvm::erase_if(layout.partial, [](const AxisRef &ref) { return ref.axis != 0; });
  return layout;
}

/// Nine and more prime factors; small tensors, so that brute force has an end. Ranks that neither
/// layout tells apart can make a way cheaper: those of z share a sum over x.
TEST(ReshardOptimality, LargeMeshes) {
  std::mt19937_64 random(21);
  std::vector<std::pair<Mesh, std::vector<int64_t>>> cases = {
      {makeMesh({{"x", 4}, {"y", 4}, {"z", 32}}), {8, 4}},
      {makeMesh({{"x", 4}, {"y", 6}, {"z", 48}}), {24, 4}},
      {makeMesh({{"x", 4}, {"y", 256}}), {4, 4, 2}}};
  for (const auto &[mesh, shape] : cases) {
    ReshardGraph graph(mesh, shape, 1);
    Layout sum = makeLayout(mesh, std::vector<std::vector<unsigned>>(shape.size()), {0});
    for (const Setting &setting : settings) {
      Checker checker(mesh, shape, graph, setting);
      checker.check(sum, Layout::replicated(shape.size()));
      for (int i = 0; i < (isExhaustive() ? 1000 : 8); ++i) {
        Layout from = drawLayout(mesh, shape.size(), true, random),
               to = drawLayout(mesh, shape.size(), false, random);
        checker.check(getFitting(from, shape), getFitting(to, shape));
      }
    }
  }
}

/// By hand, on 2x4: x leaves and y comes. Cutting y in halves, the minor half is sliced, then a
/// permute puts the major half where x was: one collective, of a quarter of the tensor.
TEST(ReshardOptimality, HalvesOfAnAxisSaveACollective) {
  Mesh mesh = makeMesh({{"x", 2}, {"y", 4}});
  ReshardPlanner planner(CostModel(mesh, test::makeMachine(1e-6, 1e9)));
  ReshardPlan plan = llvm::cantFail(
      planner.plan({64, 8}, 4, makeLayout(mesh, {{0}, {}}), makeLayout(mesh, {{1}, {}})));
  EXPECT_NEAR(getSeconds(plan), 1e-6 + 64 * 8 * 4 / 4 * 1e-9, 1e-15);
}
} // namespace
