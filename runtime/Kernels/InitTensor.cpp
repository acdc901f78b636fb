// Parameter initialization: element i of a parameter is a function of (seed, name, i) only.
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/GlobalBox.h"
#include "Kernels/RandomFill.h"
#include "tpc/runtime/Context.h"
#include "tpc_random.h"

#include <algorithm>
#include <cmath>

using namespace tpc::runtime;

namespace {

/// What one scheme does to one parameter: a constant, or a distribution scaled by `scale`.
struct Distribution {
  enum Kind { Constant, Normal, Uniform } kind;
  double scale;
};

Distribution distributionOf(const tpc_init_desc &desc, int64_t scheme) {
  if (desc.kind == TPC_NORM)
    return {Distribution::Constant, 1};
  if (scheme == 0)
    return desc.kind == TPC_BIAS ? Distribution{Distribution::Constant, 0}
                                 : Distribution{Distribution::Normal, desc.initializer_range};
  if (desc.kind == TPC_EMBEDDING)
    return {Distribution::Normal, 1};
  return {Distribution::Uniform, 1 / std::sqrt(static_cast<double>(desc.fan_in))};
}

/// Elements [first, first + count) of the parameter.
void draw(const Distribution &distribution, uint64_t seed, uint64_t stream, uint64_t first,
          int64_t count, double *out) {
  switch (distribution.kind) {
  case Distribution::Normal:
    return fillNormal(seed, stream, first, count, distribution.scale, out);
  case Distribution::Uniform:
    return fillUniform(seed, stream, first, count, distribution.scale, out);
  case Distribution::Constant:
    std::fill(out, out + count, distribution.scale);
  }
}

template <typename Element>
void fill(const tpc_context &context, const tpc_init_desc &desc, uint64_t seed, int64_t scheme,
          const int64_t *offsets, Element *out) {
  Distribution distribution = distributionOf(desc, scheme);
  uint64_t stream = tpc_random_stream(desc.parameter);
  GlobalBox box{desc.rank, desc.global_shape, desc.local_shape, offsets};
  int64_t inner = box.rowLength();
  parallelFor(context.threads, box.rows(), 1, [&](int64_t begin, int64_t end) {
    double values[512];
    for (int64_t row = begin; row < end; ++row) {
      uint64_t start = box.rowStart(row);
      int64_t valid = box.validLength(row);
      for (int64_t i = 0; i < valid; i += 512) {
        int64_t count = std::min<int64_t>(512, valid - i);
        draw(distribution, seed, stream, start + static_cast<uint64_t>(i), count, values);
        std::copy(values, values + count, out + row * inner + i);
      }
      std::fill(out + row * inner + valid, out + (row + 1) * inner, Element(0));
    }
  });
}

} // namespace

void CpuDevice::initTensor(tpc_context &context, const tpc_init_desc &desc, const char *seed,
                           const char *scheme, const int64_t *offsets, char *out) {
  uint64_t key = *reinterpret_cast<const uint64_t *>(seed);
  int32_t number = *reinterpret_cast<const int32_t *>(scheme);
  if (desc.dtype == TPC_F32)
    return fill(context, desc, key, number, offsets, reinterpret_cast<float *>(out));
  if (desc.dtype == TPC_F64)
    return fill(context, desc, key, number, offsets, reinterpret_cast<double *>(out));
  throw Error(std::string("parameters are initialized in f32 or f64, got ") + toString(desc.dtype));
}
