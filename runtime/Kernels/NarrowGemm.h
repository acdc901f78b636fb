// bf16 matrix products with f32 results.
#ifndef TPC_RUNTIME_KERNELS_NARROWGEMM_H
#define TPC_RUNTIME_KERNELS_NARROWGEMM_H

#include "tpc/runtime/BFloat16.h"

namespace tpc::runtime {

/// C[m, n] = alpha * op(A) op(B) + beta * C, row-major with leading dimensions, summed in f32. A
/// processor without bf16 (AVX-512 at least) multiplies copies in f32.
void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
          const BFloat16 *a, int64_t lda, const BFloat16 *b, int64_t ldb, float beta, float *c,
          int64_t ldc);

} // namespace tpc::runtime

#endif
