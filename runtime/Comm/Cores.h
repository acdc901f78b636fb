// The processor cores that ranks may use, and what follows for waiting and for threads.
#ifndef TPC_RUNTIME_COMM_CORES_H
#define TPC_RUNTIME_COMM_CORES_H

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace tpc::runtime {

/// Numbers of logical cores.
struct CoreSet {
  std::set<int> cores;

  /// The affinity mask of this process.
  static CoreSet ofThisProcess();
};

/// Cores granted by the control groups of this process (cpu.max, or cpu.cfs_quota_us of version 1),
/// which may be a fraction; infinity without a limit. `root` is "" outside tests.
double cgroupCores(const std::string &root = "");

/// Cores that processes with these masks share, cut by `limit`.
double sharedCores(const std::vector<CoreSet> &masks, double limit);

/// How many cores `index` may use so that nobody competes: each core is divided among the masks it
/// is in, `limit` evenly. Two ranks on the same four cores get 2 each; two ranks bound to two cores
/// each get 2 as well.
int fairShare(const std::vector<CoreSet> &masks, size_t index, double limit);

/// Polls of a peer's flag before going to sleep: some tens of microseconds, next to none where
/// ranks outnumber cores and a poll keeps the peer from running.
int spinsFor(int ranks, double cores);

/// Polls that adapt: where they did not help (the peer is far behind, or its core is taken by
/// another program) there are fewer the next time.
class SpinBudget {
public:
  static constexpr int kLeast = 16;
  explicit SpinBudget(int most) : most(most), polls(most) {}
  int get() const { return polls; }
  void helped() { polls = std::min(most, polls * 2); }
  void inVain() { polls = std::max(std::min(most, kLeast), polls / 2); }

private:
  int most, polls;
};

} // namespace tpc::runtime

#endif
