// How much memory the ranks of this host may still take.
#ifndef TPC_RUNTIME_MEMORY_LIMIT_H
#define TPC_RUNTIME_MEMORY_LIMIT_H

#include <cstdint>
#include <string>

namespace tpc::runtime {

/// What is left, and what sets the limit.
struct MemoryLimit {
  uint64_t bytes;
  std::string source; ///< "the machine", "the cgroup"
};

/// The smaller of MemAvailable and of what the cgroup (v2 or v1, and its ancestors) leaves.
/// `root` is "/" outside tests.
MemoryLimit availableMemory(const std::string &root = "/");

/// Throws Error with the numbers and remedies if `ranks` arenas of `bytes` each do not fit.
void checkMemory(uint64_t bytes, int ranks, const MemoryLimit &limit);

/// This process' share of memory in bytes (its proportional set size).
uint64_t proportionalSetSize();

/// "1.53 GiB", "12.0 MiB", "512 bytes".
std::string printBytes(uint64_t bytes);

} // namespace tpc::runtime

#endif
