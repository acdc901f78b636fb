//===- BenchReshardPlanner.cpp - how long a reshard plan takes to find ----------===//
//
// In microseconds of processor time. Plans pairs of whole-axis layouts, Partial sources included:
// cold, each by a planner that knows nothing, then warm, by the same one once more. Three settings
// of latency and bandwidth together, as in ReshardOptimalityTest.
//
//===----------------------------------------------------------------------===//

#include "../Unit/ShardingTestHelpers.h"
#include "tpc/Sharding/ReshardPlanner.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <ctime>

using namespace tpc;
using namespace tpc::test;

namespace {
struct Times {
  std::vector<double> cold, warm; ///< microseconds per plan
};
} // namespace

/// Of this thread, so that other programs do not count.
static double getMicroseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

/// The value below which `share` of the others lie.
static double getQuantile(std::vector<double> &values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

/// Plans about `count` pairs, evenly drawn from all.
static Times measure(const Mesh &mesh, llvm::ArrayRef<int64_t> shape, const MachineModel &machine,
                     size_t count) {
  std::vector<Layout> sources = getWholeAxisLayouts(mesh, shape.size(), true),
                      targets = getWholeAxisLayouts(mesh, shape.size(), false);
  size_t pairs = sources.size() * targets.size(), stride = pairs / count + 1;
  Times times;
  for (size_t pair = 0; pair < pairs; pair += stride) {
    ReshardPlanner planner{CostModel(mesh, machine)};
    auto plan = [&](std::vector<double> &microseconds) {
      double start = getMicroseconds();
      llvm::cantFail(
          planner.plan(shape, 4, sources[pair / targets.size()], targets[pair % targets.size()]));
      microseconds.push_back(getMicroseconds() - start);
    };
    plan(times.cold);
    plan(times.warm);
  }
  return times;
}

static void printRow(llvm::StringRef name, const Mesh &mesh, llvm::ArrayRef<int64_t> shape) {
  Times all;
  for (auto [latency, bandwidth] : {std::pair(1e-5, 1e11), {1e-6, 1e9}, {1e-7, 1e7}}) {
    Times times = measure(mesh, shape, makeMachine(latency, bandwidth), 1000);
    llvm::append_range(all.cold, times.cold);
    llvm::append_range(all.warm, times.warm);
  }
  llvm::outs() << llvm::formatv("{0,-8}{1,6}{2,8}{3,14:f1}{4,12:f1}{5,12:f1}{6,14:f2}\n", name,
                                shape.size(), all.cold.size(), getQuantile(all.cold, 0.5),
                                getQuantile(all.cold, 0.9), getQuantile(all.cold, 1),
                                getQuantile(all.warm, 0.5));
}

int main() {
  llvm::outs() << "microseconds of processor time per reshard plan\n\n"
               << "mesh      rank   plans   cold, median   cold, 9/10   cold, most  warm, median\n";
  const std::pair<const char *, Mesh> meshes[] = {
      {"2x2", makeMesh({{"x", 2}, {"y", 2}})},
      {"2x4", makeMesh({{"x", 2}, {"y", 4}})},
      {"8x8", makeMesh({{"x", 8}, {"y", 8}})},
      {"2x2x2", makeMesh({{"x", 2}, {"y", 2}, {"z", 2}})},
      {"2x4x8", makeMesh({{"x", 2}, {"y", 4}, {"z", 8}})},
      {"8x2x4", makeMesh({{"x", 8}, {"y", 2}, {"z", 4}})}};
  for (const auto &[name, mesh] : meshes)
    for (std::vector<int64_t> shape : {std::vector<int64_t>{64, 128}, {64, 128, 64}})
      printRow(name, mesh, shape);
  return 0;
}
