// Bytes between the ranks of a fake communicator: threads of one process or processes of one host.
#ifndef TPC_TEST_FAKE_FAKENCCLCHANNEL_H
#define TPC_TEST_FAKE_FAKENCCLCHANNEL_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tpc::test {

constexpr int kMostRanks = 16, kMostSplits = 64;

/// A queue of bytes from one rank to another.
struct Channel {
  static constexpr size_t kBytes = 64 << 10;
  std::atomic<uint64_t> written, taken;
  char bytes[kBytes];

  /// Moves what fits or is there, and says how much that was.
  size_t put(const char *data, size_t count);
  size_t take(char *data, size_t count);
};

/// What all ranks of a communicator map; zeros to begin with.
struct Shared {
  struct Split {
    std::atomic<int> told;
    int colors[kMostRanks], keys[kMostRanks];
  };
  std::atomic<int> arrived;
  Split splits[kMostSplits];
  Channel channels[kMostRanks][kMostRanks]; ///< [from][to]
};

/// Maps the file `name` in shared memory, made if it is not there. The last of `ranks` to come
/// removes the name.
Shared *attach(const std::string &name, int ranks);

} // namespace tpc::test

#endif
