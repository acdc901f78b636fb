// Loops over blocks of independent indices, so that the compiler vectorizes the generator and the
// logarithm and cosine of Box-Muller, which a library would evaluate one at a time.
#include "Kernels/RandomFill.h"
#include "Kernels/Clones.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tpc::runtime {
namespace {

constexpr int block = 32;

#define TPC_INLINE inline __attribute__((always_inline))

/// Philox4x32-10 of tpc_random.h and its two uniforms in (0, 1).
TPC_INLINE void uniformPairs(uint64_t seed, uint64_t stream, uint64_t first, double *u, double *v) {
  uint32_t c0[block], c1[block], c2[block], c3[block];
  for (int i = 0; i < block; ++i) {
    uint64_t index = first + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(index), c1[i] = static_cast<uint32_t>(index >> 32);
    c2[i] = static_cast<uint32_t>(stream), c3[i] = static_cast<uint32_t>(stream >> 32);
  }
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
    for (int i = 0; i < block; ++i) {
      uint64_t product0 = uint64_t(0xD2511F53u) * c0[i], product1 = uint64_t(0xCD9E8D57u) * c2[i];
      c0[i] = static_cast<uint32_t>(product1 >> 32) ^ c1[i] ^ key0;
      c2[i] = static_cast<uint32_t>(product0 >> 32) ^ c3[i] ^ key1;
      c1[i] = static_cast<uint32_t>(product1), c3[i] = static_cast<uint32_t>(product0);
    }
  // 52 random bits as the fraction of a number in [1, 2) are converted without an instruction for
  // it.
  auto toUnit = [](uint32_t high, uint32_t low) {
    uint64_t bits = ((uint64_t(high) << 20) ^ (low >> 12)) | 0x3ff0000000000000ull;
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return (value - 1) + 0x1p-53;
  };
  for (int i = 0; i < block; ++i)
    u[i] = toUnit(c0[i], c1[i]), v[i] = toUnit(c2[i], c3[i]);
}

/// log(x) for x in (0, 1): x = m 2^e with m around 1, log m = 2 atanh((m - 1) / (m + 1)) as a
/// series.
TPC_INLINE double logarithm(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  uint64_t shifted = bits - 0x3fe6a09e00000000ull; // from sqrt(1/2): m in [0.707, 1.414)
  int64_t exponent = static_cast<int64_t>(shifted) >> 52;
  bits -= static_cast<uint64_t>(exponent) << 52;
  double m;
  std::memcpy(&m, &bits, sizeof(m));
  double s = (m - 1) / (m + 1), t = s * s, series = 1.0 / 21;
  for (int k = 19; k >= 1; k -= 2)
    series = series * t + 1.0 / k;
  return 2 * s * series +
         static_cast<double>(static_cast<int32_t>(exponent)) * 0.693147180559945309417;
}

/// cos(2 pi x) for x in (0, 1): the quarter turns are taken off exactly, the rest by Taylor's
/// series.
TPC_INLINE double cosineOfTurns(double x) {
  int32_t quarter = static_cast<int32_t>(x * 4 + 0.5);
  double r = (x - quarter * 0.25) * 6.283185307179586, t = r * r;
  double sine = 1, cosine = 1;
  for (int k = 16; k >= 2; k -= 2) {
    sine = 1 - sine * t * (1.0 / (k * (k + 1)));
    cosine = 1 - cosine * t * (1.0 / (k * (k - 1)));
  }
  double value = quarter & 1 ? sine * r : cosine;
  return quarter == 1 || quarter == 2 ? -value : value;
}

} // namespace

TPC_CLONES void fillNormal(uint64_t seed, uint64_t stream, uint64_t first, int64_t count,
                           double scale, double *out) {
  double u[block], v[block];
  for (int64_t at = 0; at < count; at += block) {
    uniformPairs(seed, stream, first + static_cast<uint64_t>(at), u, v);
    for (int i = 0; i < block; ++i)
      u[i] = scale * std::sqrt(-2.0 * logarithm(u[i])) * cosineOfTurns(v[i]);
    std::copy(u, u + std::min<int64_t>(block, count - at), out + at);
  }
}

TPC_CLONES void fillUniform(uint64_t seed, uint64_t stream, uint64_t first, int64_t count,
                            double scale, double *out) {
  double u[block], v[block];
  for (int64_t at = 0; at < count; at += block) {
    uniformPairs(seed, stream, first + static_cast<uint64_t>(at), u, v);
    for (int i = 0; i < block; ++i)
      u[i] = scale * (2 * u[i] - 1);
    std::copy(u, u + std::min<int64_t>(block, count - at), out + at);
  }
}

TPC_CLONES void fillKept(uint64_t seed, uint64_t stream, uint64_t first, int64_t count,
                         double probability, double scale, double *out) {
  double u[block], v[block];
  for (int64_t at = 0; at < count; at += block) {
    uniformPairs(seed, stream, first + static_cast<uint64_t>(at), u, v);
    for (int i = 0; i < block; ++i)
      u[i] = u[i] >= probability ? scale : 0;
    std::copy(u, u + std::min<int64_t>(block, count - at), out + at);
  }
}

} // namespace tpc::runtime
