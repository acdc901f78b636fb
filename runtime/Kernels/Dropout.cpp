// Dropout: whether element i is kept is a function of (seed, stream, i) only.
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/GlobalBox.h"
#include "Kernels/RandomFill.h"
#include "tpc/runtime/BFloat16.h"
#include "tpc/runtime/Context.h"
#include "tpc_random.h"

#include <algorithm>
#include <type_traits>

using namespace tpc::runtime;

namespace {

template <typename Element>
void drop(const tpc_context &context, const tpc_dropout_desc &desc, uint64_t seed,
          const int64_t *offsets, const Element *in, Element *out) {
  using Wide = std::conditional_t<std::is_same_v<Element, BFloat16>, float, Element>;
  constexpr int64_t block = 512;
  uint64_t stream = tpc_random_stream(desc.stream);
  double scale = 1 / (1 - desc.probability);
  GlobalBox box{desc.rank, desc.global_shape, desc.local_shape, offsets};
  int64_t inner = box.rowLength();
  parallelFor(context.threads, box.rows(), 1, [&](int64_t begin, int64_t end) {
    double factors[block];
    for (int64_t row = begin; row < end; ++row)
      for (int64_t i = 0; i < inner; i += block) {
        int64_t count = std::min(block, inner - i), at = row * inner + i;
        uint64_t first = box.rowStart(row) + static_cast<uint64_t>(i);
        fillKept(seed, stream, first, count, desc.probability, scale, factors);
        for (int64_t j = 0; j < count; ++j) // selected, not multiplied: 0 times NaN is NaN
          out[at + j] = static_cast<Element>(
              factors[j] != 0 ? static_cast<Wide>(static_cast<Wide>(in[at + j]) * factors[j])
                              : Wide(0));
      }
  });
}

} // namespace

void CpuDevice::dropout(tpc_context &context, const tpc_dropout_desc &desc, const char *seed,
                        const int64_t *offsets, const char *in, char *out) {
  uint64_t key = *reinterpret_cast<const uint64_t *>(seed);
  if (desc.dtype == TPC_F32)
    return drop(context, desc, key, offsets, reinterpret_cast<const float *>(in),
                reinterpret_cast<float *>(out));
  if (desc.dtype == TPC_BF16)
    return drop(context, desc, key, offsets, reinterpret_cast<const BFloat16 *>(in),
                reinterpret_cast<BFloat16 *>(out));
  if (desc.dtype == TPC_F64)
    return drop(context, desc, key, offsets, reinterpret_cast<const double *>(in),
                reinterpret_cast<double *>(out));
  throw Error(std::string("dropout works on f32, bf16 and f64, got ") + toString(desc.dtype));
}
