// The upper half of an f32: rounded to nearest even, NaN stays NaN.
#ifndef TPC_RUNTIME_BFLOAT16_H
#define TPC_RUNTIME_BFLOAT16_H

#include <cstdint>
#include <cstring>

namespace tpc::runtime {

struct BFloat16 {
  BFloat16() = default;
  explicit BFloat16(float value) {
    uint32_t word;
    std::memcpy(&word, &value, sizeof(word));
    uint32_t rounded = (word + 0x7fff + ((word >> 16) & 1)) >> 16;
    uint32_t quietNan = (word >> 16) | 0x40;
    bits = static_cast<uint16_t>((word & 0x7fffffff) > 0x7f800000 ? quietNan : rounded);
  }
  explicit operator float() const {
    uint32_t word = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &word, sizeof(value));
    return value;
  }

  uint16_t bits;
};

} // namespace tpc::runtime

#endif
