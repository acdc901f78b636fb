// Whether this processor can run the program's instructions.
#ifndef TPC_RUNTIME_TRAIN_CPUCHECK_H
#define TPC_RUNTIME_TRAIN_CPUCHECK_H

#include <set>
#include <string>
#include <vector>

namespace tpc::runtime {

/// The `flags` of /proc/cpuinfo, spelled as checkCpu compares them.
std::set<std::string> processorFlags(const std::string &cpuinfo = "/proc/cpuinfo");

/// Throws Error naming what `cpu` (a level such as x86-64-v3, or a processor's name with the
/// `features` that the compiler used) needs and `flags` lacks.
void checkCpu(const std::string &cpu, const std::vector<std::string> &features,
              const std::set<std::string> &flags);

} // namespace tpc::runtime

#endif
