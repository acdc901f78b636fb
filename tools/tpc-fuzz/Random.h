//===- Random.h - numbers that are the same everywhere -------------------------===//

#ifndef TPC_FUZZ_RANDOM_H
#define TPC_FUZZ_RANDOM_H

#include <iterator>
#include <random>

namespace tpc::fuzz {

/// The standard fixes what mt19937_64 yields, but not what its distributions make of it; these are
/// ours.
class Random {
public:
  /// A stream of its own for every case of every seed (splitmix64 of both).
  Random(uint64_t seed, uint64_t index) : engine(mix(seed * 0x9e3779b97f4a7c15ull + index)) {}

  uint64_t next() { return engine(); }
  /// In [0, count).
  int64_t below(int64_t count) {
    return static_cast<int64_t>(engine() % static_cast<uint64_t>(count));
  }
  /// In [low, high].
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(double probability) {
    return static_cast<double>(engine() >> 11) * 0x1p-53 < probability;
  }
  template <typename Range>
  const auto &pick(const Range &range) {
    return range[below(static_cast<int64_t>(std::size(range)))];
  }
  template <typename Range>
  void shuffle(Range &range) {
    for (size_t i = range.size(); i > 1; --i)
      std::swap(range[i - 1], range[below(static_cast<int64_t>(i))]);
  }

private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  }
  std::mt19937_64 engine;
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_RANDOM_H
