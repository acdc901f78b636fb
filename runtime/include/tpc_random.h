/* The counter-based generator behind parameter initialization and dropout: Philox4x32-10 (Salmon et
 * al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A draw is a pure function of (seed,
 * stream, index), so a tensor has the same values on every mesh. Header-only C, shared by the
 * runtime and the interpreter. */
#ifndef TPC_RANDOM_H
#define TPC_RANDOM_H

#ifdef __CUDACC__
#define TPC_RANDOM_INLINE static inline __host__ __device__
#else
#define TPC_RANDOM_INLINE static inline
#endif

#include <math.h>
#include <stdint.h>

/* FNV-1a of a parameter's name: its stream. */
TPC_RANDOM_INLINE uint64_t tpc_random_stream(const char *name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (; *name; ++name)
    hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
  return hash;
}

TPC_RANDOM_INLINE void tpc_philox(uint32_t counter[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = (uint64_t)0xD2511F53u * counter[0];
    uint64_t product1 = (uint64_t)0xCD9E8D57u * counter[2];
    uint32_t next0 = (uint32_t)(product1 >> 32) ^ counter[1] ^ key0;
    uint32_t next2 = (uint32_t)(product0 >> 32) ^ counter[3] ^ key1;
    counter[1] = (uint32_t)product1;
    counter[3] = (uint32_t)product0;
    counter[0] = next0;
    counter[2] = next2;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

/* Two independent doubles in (0, 1), never 0 or 1. */
TPC_RANDOM_INLINE void tpc_random_pair(uint64_t seed, uint64_t stream, uint64_t index,
                                       double out[2]) {
  uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                         (uint32_t)(stream >> 32)};
  tpc_philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
  out[0] = ((((uint64_t)counter[0] << 20) ^ counter[1] >> 12) + 0.5) * 0x1p-52;
  out[1] = ((((uint64_t)counter[2] << 20) ^ counter[3] >> 12) + 0.5) * 0x1p-52;
}

TPC_RANDOM_INLINE double tpc_random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  double pair[2];
  tpc_random_pair(seed, stream, index, pair);
  return pair[0];
}

/* Standard normal by Box-Muller. */
TPC_RANDOM_INLINE double tpc_random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
  double pair[2];
  tpc_random_pair(seed, stream, index, pair);
  return sqrt(-2.0 * log(pair[0])) * cos(6.283185307179586 * pair[1]);
}

#endif
