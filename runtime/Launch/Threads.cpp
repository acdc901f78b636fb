#include "Comm/Cores.h"
#include "tpc/runtime/Launch.h"
#include <algorithm>
#include <charconv>

namespace tpc::runtime {

namespace {
int parseThreads(const char *name, const std::string &text) {
  int value = 0;
  // OMP_NUM_THREADS may list one number per nesting level; the first is for the outermost.
  const char *end = text.data() + std::min(text.find(','), text.size());
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 1)
    throw Error(std::string("environment variable ") + name +
                " must be a positive number of threads, got '" + text + "'");
  return value;
}

int explicitThreads(const char *name, int value) {
  if (value > TPC_MAX_THREADS)
    throw Error(std::string(name) + " must be at most " + std::to_string(TPC_MAX_THREADS) +
                ", got " + std::to_string(value));
  return value;
}
} // namespace

int threadsPerRank(int requested, const Environment &environment, int fair) {
  if (requested > 0)
    return explicitThreads("--threads-per-rank", requested);
  const char *own = environment("TPC_THREADS_PER_RANK");
  if (own && *own)
    return explicitThreads("TPC_THREADS_PER_RANK", parseThreads("TPC_THREADS_PER_RANK", own));
  int threads = fair;
  for (const char *name : {"SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"})
    if (const char *text = environment(name); text && *text)
      threads = parseThreads(name, text);
  return std::clamp(threads, 1, TPC_MAX_THREADS);
}

int expectedFairThreads(int ranks) {
  std::vector<CoreSet> masks(static_cast<size_t>(ranks), CoreSet::ofThisProcess());
  return fairShare(masks, 0, cgroupCores());
}

} // namespace tpc::runtime
