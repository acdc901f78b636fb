#include "Kernels/NarrowGemm.h"
#include "Kernels/Gemm.h"
#include "Kernels/Softmax.h"

#include <dnnl.h>
#include <vector>

// Exported by oneDNN's libraries beside dnnl_sgemm, but in none of its headers: absent from a build
// of it that hides its internals.
extern "C" __attribute__((weak)) dnnl_status_t
dnnl_gemm_bf16bf16f32(char transposeA, char transposeB, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k,
                      float alpha, const uint16_t *a, dnnl_dim_t lda, const uint16_t *b,
                      dnnl_dim_t ldb, float beta, float *c, dnnl_dim_t ldc);

namespace tpc::runtime {
namespace {

/// A matrix as it lies in memory, extended.
std::vector<float> extend(const BFloat16 *matrix, int64_t rows, int64_t columns, int64_t leading) {
  std::vector<float> wide(static_cast<size_t>(rows * columns));
  for (int64_t row = 0; row < rows; ++row)
    widenRow(matrix + row * leading, wide.data() + row * columns, columns);
  return wide;
}

} // namespace

void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
          const BFloat16 *a, int64_t lda, const BFloat16 *b, int64_t ldb, float beta, float *c,
          int64_t ldc) {
  if (dnnl_gemm_bf16bf16f32 &&
      dnnl_gemm_bf16bf16f32(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, alpha,
                            &a->bits, lda, &b->bits, ldb, beta, c, ldc) == dnnl_success)
    return;
  int64_t aColumns = transposeA ? m : k, bColumns = transposeB ? k : n;
  std::vector<float> wideA = extend(a, transposeA ? k : m, aColumns, lda),
                     wideB = extend(b, transposeB ? n : k, bColumns, ldb);
  gemm(transposeA, transposeB, m, n, k, alpha, wideA.data(), aColumns, wideB.data(), bColumns, beta,
       c, ldc);
}

} // namespace tpc::runtime
