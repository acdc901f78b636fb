// Floating-point elements of stored tensors as f32.
#include "IO/Safetensors.h"
#include "tpc/runtime/Error.h"

#include <cmath>
#include <cstring>

namespace tpc::runtime {
namespace {

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float fromBfloat16(uint16_t bits) { return fromBits(static_cast<uint32_t>(bits) << 16); }

/// IEEE half precision; subnormals through an exact multiplication.
float fromHalf(uint16_t bits) {
  uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 31)
    return fromBits(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0)
    return std::copysign(static_cast<float>(fraction) * 0x1p-24f, sign ? -1.0f : 1.0f);
  return fromBits(sign | (exponent + 112) << 23 | fraction << 13);
}

template <typename Stored, typename Convert>
void convert(const StoredTensor &tensor, int64_t first, int64_t count, float *out,
             Convert &&convertOne) {
  const char *from = tensor.data + first * static_cast<int64_t>(sizeof(Stored));
  for (int64_t i = 0; i < count; ++i, from += sizeof(Stored)) {
    Stored value; // the format does not align data
    std::memcpy(&value, from, sizeof(value));
    out[i] = convertOne(value);
  }
}

} // namespace

void readElements(const StoredTensor &tensor, int64_t first, int64_t count, float *out) {
  if (tensor.dtype == "F32")
    std::memcpy(out, tensor.data + first * 4, static_cast<size_t>(count) * 4);
  else if (tensor.dtype == "BF16")
    convert<uint16_t>(tensor, first, count, out, fromBfloat16);
  else if (tensor.dtype == "F16")
    convert<uint16_t>(tensor, first, count, out, fromHalf);
  else if (tensor.dtype == "F64")
    convert<double>(tensor, first, count, out,
                    [](double value) { return static_cast<float>(value); });
  else
    throw Error("tensor '" + tensor.name + "' has type " + tensor.dtype +
                ", weights are F32, F16, BF16 or F64");
}

} // namespace tpc::runtime
