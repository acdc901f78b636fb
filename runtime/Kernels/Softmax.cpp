// Sums are kept in sixteen lanes whatever the vector width of the machine, so the association of a
// row's sum is the same everywhere.
#include "Kernels/Softmax.h"
#include "Kernels/Clones.h"

#include <cstring>

namespace tpc::runtime {
namespace {

constexpr int64_t lanes = 16;

/// exp(x) for x <= 88 to about 2 ulp: x = n ln 2 + r, a polynomial for exp(r) (Cephes'
/// coefficients), n into the exponent. Below -87 the result stays at exp(-87), about 1.6e-38.
inline __attribute__((always_inline)) float exponential(float x) {
  constexpr float magic =
      12582912.0f; // 1.5 * 2^23: adding it rounds to an integer kept in the low bits
  constexpr int32_t magicBits = 0x4b400000;
  x = x < -87.0f ? -87.0f : x;
  float shifted = x * 1.44269504f + magic;
  float n = shifted - magic;
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  int32_t powerBits = (bits - magicBits + 127) << 23;
  float power;
  std::memcpy(&power, &powerBits, sizeof(power));
  return p * power;
}

inline __attribute__((always_inline)) float maximum(const float *row, int64_t size) {
  float best[lanes];
  for (int64_t l = 0; l < lanes; ++l)
    best[l] = row[0];
  int64_t whole = size - size % lanes;
  for (int64_t j = 0; j < whole; j += lanes)
    for (int64_t l = 0; l < lanes; ++l)
      best[l] = row[j + l] > best[l] ? row[j + l] : best[l];
  float result = best[0];
  for (int64_t l = 1; l < lanes; ++l)
    result = best[l] > result ? best[l] : result;
  for (int64_t j = whole; j < size; ++j)
    result = row[j] > result ? row[j] : result;
  return result;
}

inline __attribute__((always_inline)) float sumOfLanes(const float *sums) {
  float pairs[lanes / 2];
  for (int64_t l = 0; l < lanes / 2; ++l)
    pairs[l] = sums[l] + sums[l + lanes / 2];
  float result = 0;
  for (float pair : pairs)
    result += pair;
  return result;
}

template <typename Element>
inline __attribute__((always_inline)) float dotOfLanes(const Element *a, const Element *b,
                                                       int64_t size) {
  float sums[lanes] = {};
  int64_t whole = size - size % lanes;
  for (int64_t j = 0; j < whole; j += lanes)
    for (int64_t l = 0; l < lanes; ++l)
      sums[l] += static_cast<float>(a[j + l]) * static_cast<float>(b[j + l]);
  for (int64_t j = whole; j < size; ++j)
    sums[j - whole] += static_cast<float>(a[j]) * static_cast<float>(b[j]);
  return sumOfLanes(sums);
}

} // namespace

TPC_CLONES SoftmaxRow exponentiateRow(float *row, int64_t visible, int64_t width) {
  float max = maximum(row, visible);
  float sums[lanes] = {};
  int64_t whole = visible - visible % lanes;
  for (int64_t j = 0; j < whole; j += lanes)
    for (int64_t l = 0; l < lanes; ++l) {
      row[j + l] = exponential(row[j + l] - max);
      sums[l] += row[j + l];
    }
  for (int64_t j = whole; j < visible; ++j) {
    row[j] = exponential(row[j] - max);
    sums[j - whole] += row[j];
  }
  std::memset(row + visible, 0, sizeof(float) * static_cast<size_t>(width - visible));
  return {max, sumOfLanes(sums)};
}

TPC_CLONES void softmaxGradRow(float *__restrict scores, float *__restrict cotangents,
                               int64_t visible, int64_t width, float logSumExp, float dot,
                               float scale) {
  for (int64_t j = 0; j < visible; ++j) {
    float probability = exponential(scores[j] - logSumExp);
    scores[j] = probability;
    cotangents[j] = probability * (cotangents[j] - dot) * scale;
  }
  std::memset(scores + visible, 0, sizeof(float) * static_cast<size_t>(width - visible));
  std::memset(cotangents + visible, 0, sizeof(float) * static_cast<size_t>(width - visible));
}

TPC_CLONES float dotRow(const float *a, const float *b, int64_t size) {
  return dotOfLanes(a, b, size);
}

TPC_CLONES float dotRow(const BFloat16 *a, const BFloat16 *b, int64_t size) {
  return dotOfLanes(a, b, size);
}

TPC_CLONES void scaleRow(float *row, int64_t size, float factor) {
  for (int64_t j = 0; j < size; ++j)
    row[j] *= factor;
}

TPC_CLONES void widenRow(const BFloat16 *__restrict from, float *__restrict to, int64_t size) {
  for (int64_t j = 0; j < size; ++j)
    to[j] = static_cast<float>(from[j]);
}

TPC_CLONES void narrowRow(const float *__restrict from, BFloat16 *__restrict to, int64_t size) {
  for (int64_t j = 0; j < size; ++j)
    to[j] = BFloat16(from[j]);
}

} // namespace tpc::runtime
