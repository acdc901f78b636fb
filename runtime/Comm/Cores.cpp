#include "Cores.h"
#include <algorithm>
#include <fstream>
#include <limits>
#include <sched.h>
#include <sstream>

namespace tpc::runtime {

namespace {
constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// "max 100000" or "150000 100000".
double quotaOf(const std::string &text) {
  std::istringstream stream(text);
  double quota = 0, period = 0;
  if (!(stream >> quota >> period) || quota <= 0 || period <= 0)
    return kUnlimited;
  return quota / period;
}

std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The least quota of a group and the groups it is in.
double quotaAlong(const std::string &mount, std::string path) {
  double least = kUnlimited;
  for (;;) {
    least = std::min(least, quotaOf(readLine(mount + path + "/cpu.max")));
    std::string legacy = mount + "/cpu" + path;
    least = std::min(least, quotaOf(readLine(legacy + "/cpu.cfs_quota_us") + " " +
                                    readLine(legacy + "/cpu.cfs_period_us")));
    size_t slash = path.rfind('/');
    if (slash == std::string::npos)
      return least;
    path.resize(slash);
  }
}
} // namespace

CoreSet CoreSet::ofThisProcess() {
  CoreSet result;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0)
    for (int core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &mask))
        result.cores.insert(core);
  if (result.cores.empty()) // more cores than cpu_set_t has: be modest
    result.cores.insert(0);
  return result;
}

double cgroupCores(const std::string &root) {
  double least = kUnlimited;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) { // "0::/path" or "4:cpu,cpuacct:/path"
    size_t second = line.find(':', line.find(':') + 1);
    if (second == std::string::npos)
      continue;
    std::string path = line.substr(second + 1);
    least = std::min(least, quotaAlong(root + "/sys/fs/cgroup", path == "/" ? "" : path));
  }
  return least;
}

double sharedCores(const std::vector<CoreSet> &masks, double limit) {
  std::set<int> all;
  for (const CoreSet &mask : masks)
    all.insert(mask.cores.begin(), mask.cores.end());
  return std::min(limit, static_cast<double>(all.size()));
}

int fairShare(const std::vector<CoreSet> &masks, size_t index, double limit) {
  double share = 0;
  for (int core : masks[index].cores)
    share += 1.0 / static_cast<double>(
                       std::count_if(masks.begin(), masks.end(), [&](const CoreSet &mask) {
                         return mask.cores.count(core) != 0;
                       }));
  share = std::min(share, limit / static_cast<double>(masks.size()));
  return std::max(1, static_cast<int>(share + 1e-6));
}

int spinsFor(int ranks, double cores) { return ranks > cores ? SpinBudget::kLeast : 2000; }

} // namespace tpc::runtime
