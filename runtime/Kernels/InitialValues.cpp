#include "Kernels/InitialValues.h"
#include "Kernels/GlobalBox.h"
#include "Kernels/RandomFill.h"
#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"
#include "tpc_random.h"

#include <algorithm>
#include <cmath>

namespace tpc::runtime {
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
void fill(const tpc_init_desc &desc, const GlobalBox &box, const InitialValues &values,
          int64_t begin, int64_t end, Element *out) {
  Distribution distribution = distributionOf(desc, values.scheme);
  uint64_t stream = tpc_random_stream(desc.parameter);
  int64_t inner = box.rowLength();
  double drawn[512];
  for (int64_t row = begin; row < end; ++row) {
    uint64_t start = box.rowStart(row);
    int64_t valid = box.validLength(row);
    for (int64_t i = 0; i < valid; i += 512) {
      int64_t count = std::min<int64_t>(512, valid - i);
      draw(distribution, values.seed, stream, start + static_cast<uint64_t>(i), count, drawn);
      std::copy(drawn, drawn + count, out + row * inner + i);
    }
    std::fill(out + row * inner + valid, out + (row + 1) * inner, Element(0));
  }
}

} // namespace

int64_t countInitialRows(const tpc_init_desc &desc) {
  return GlobalBox{desc.rank, desc.global_shape, desc.local_shape, nullptr}.rows();
}

void drawInitialRows(const tpc_init_desc &desc, const InitialValues &values, const int64_t *offsets,
                     int64_t begin, int64_t end, char *out) {
  GlobalBox box{desc.rank, desc.global_shape, desc.local_shape, offsets};
  if (desc.dtype == TPC_F32)
    return fill(desc, box, values, begin, end, reinterpret_cast<float *>(out));
  if (desc.dtype == TPC_F64)
    return fill(desc, box, values, begin, end, reinterpret_cast<double *>(out));
  throw Error(std::string("parameters are initialized in f32 or f64, got ") + toString(desc.dtype));
}

} // namespace tpc::runtime
