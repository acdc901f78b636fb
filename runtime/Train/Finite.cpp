#include "Train/Finite.h"

#include <cstring>

namespace tpc::runtime {
namespace {

/// Whether `count` numbers have an exponent that is not all ones.
template <typename Bits>
bool areFinite(const char *data, int64_t count, Bits exponent) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof(bits)), sizeof(bits));
    finite &= (bits & exponent) != exponent;
  }
  return finite;
}

bool areFinite(const char *data, int64_t count, tpc_dtype dtype) {
  switch (dtype) {
  case TPC_F32:
    return areFinite<uint32_t>(data, count, 0x7f800000u);
  case TPC_F64:
    return areFinite<uint64_t>(data, count, 0x7ff0000000000000u);
  case TPC_BF16:
    return areFinite<uint16_t>(data, count, 0x7f80u);
  case TPC_I1:
  case TPC_I32:
  case TPC_I64:
    break;
  }
  return true;
}

} // namespace

void checkFinite(const Program &program, const std::string &name, const Placement &placement,
                 tpc_dtype dtype, const char *data) {
  if (!program.writes(placement))
    return;
  auto size = static_cast<int64_t>(elementBytes(dtype));
  forEachRun(placement.globalShape, program.boxOf(placement), placement.localShape,
             [&](int64_t, int64_t local, int64_t length) {
               if (!areFinite(data + local * size, length, dtype))
                 throw Error(name + " has values that are not finite, so it is not saved: "
                                    "training diverged, try a smaller --lr");
             });
}

} // namespace tpc::runtime
