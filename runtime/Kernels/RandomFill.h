// tpc_random.h for many indices at once.
#ifndef TPC_RUNTIME_KERNELS_RANDOMFILL_H
#define TPC_RUNTIME_KERNELS_RANDOMFILL_H

#include <cstdint>

namespace tpc::runtime {

/// out[i] = scale * tpc_random_normal(seed, stream, first + i), to about 1e-14.
void fillNormal(uint64_t seed, uint64_t stream, uint64_t first, int64_t count, double scale,
                double *out);

/// out[i] = scale * (2 * tpc_random_uniform(seed, stream, first + i) - 1), exactly.
void fillUniform(uint64_t seed, uint64_t stream, uint64_t first, int64_t count, double scale,
                 double *out);

/// out[i] = tpc_random_uniform(seed, stream, first + i) >= probability ? scale : 0.
void fillKept(uint64_t seed, uint64_t stream, uint64_t first, int64_t count, double probability,
              double scale, double *out);

} // namespace tpc::runtime

#endif
