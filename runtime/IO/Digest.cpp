#include "IO/Digest.h"

#include <cstring>

namespace tpc::runtime {
namespace {

constexpr size_t lanes = 4; ///< independent of each other: multiplications overlap

/// One-to-one in each of its arguments.
uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 32;
}

uint64_t load(const char *bytes, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}

} // namespace

uint64_t digestOf(const char *bytes, size_t size, uint64_t seed) {
  constexpr size_t word = sizeof(uint64_t);
  uint64_t hashes[lanes] = {1, 2, 3, 4}, result = mix(seed, size);
  size_t at = 0;
  for (; at + lanes * word <= size; at += lanes * word)
    for (size_t lane = 0; lane < lanes; ++lane)
      hashes[lane] = mix(hashes[lane], load(bytes + at + lane * word, word));
  for (uint64_t hash : hashes)
    result = mix(result, hash);
  for (; at + word <= size; at += word)
    result = mix(result, load(bytes + at, word));
  return mix(result, load(bytes + at, size - at));
}

} // namespace tpc::runtime
