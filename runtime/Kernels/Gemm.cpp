#include "Kernels/Gemm.h"
#include "Device/Threads.h"
#include "Kernels/NarrowGemm.h"
#include "Kernels/WideRows.h"

#include <dnnl.h>
#include <vector>

namespace tpc::runtime {
namespace {

/// How gemm must read a matrix: as it is or transposed. A stride along a dimension of size 1 says
/// nothing.
struct Layout {
  Layout(int64_t rows, int64_t columns, int64_t rowStride, int64_t columnStride)
      : transposed(columnStride != 1 && columns != 1),
        leading(transposed ? (columns == 1 ? rows : columnStride)
                           : (rows == 1 ? columns : rowStride)) {}
  bool transposed;
  int64_t leading;
};

} // namespace

void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
          const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
          int64_t ldc) {
  dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta,
             c, ldc);
}

void generateGemmCode() {
  for (int64_t size : {16, 256}) {
    std::vector<float> a(static_cast<size_t>(size * size)), b(a), c(a);
    for (bool transposeA : {false, true})
      for (bool transposeB : {false, true})
        for (float beta : {0.f, 1.f})
          gemm(transposeA, transposeB, size, size, size, 1, a.data(), size, b.data(), size, beta,
               c.data(), size);
  }
}

void contractGemm(int threads, const tpc_contract_desc &desc, const float *a, const float *b,
                  float *c) {
  Layout left(desc.m, desc.k, desc.a_m, desc.a_k), right(desc.k, desc.n, desc.b_k, desc.b_n);
  int64_t ldc = desc.m == 1 ? desc.n : desc.c_m;
  auto one = [&](int64_t index, int) {
    gemm(left.transposed, right.transposed, desc.m, desc.n, desc.k, 1, a + index * desc.a_batch,
         left.leading, b + index * desc.b_batch, right.leading, desc.accumulate ? 1 : 0,
         c + index * desc.c_batch, ldc);
  };
  setLibraryThreads(threads);
  if (desc.batch >= threads && desc.batch > 1)
    return parallelItems(threads, desc.batch, one);
  for (int64_t index = 0; index < desc.batch; ++index)
    one(index, 0);
}

template <typename Result>
static void contractBatch(const tpc_contract_desc &desc, const BFloat16 *a, const BFloat16 *b,
                          Result *c) {
  Layout left(desc.m, desc.k, desc.a_m, desc.a_k), right(desc.k, desc.n, desc.b_k, desc.b_n);
  std::vector<float> sums(static_cast<size_t>(desc.m * desc.n));
  WideRows<Result> rows(c, desc.m == 1 ? desc.n : desc.c_m, desc.n, sums.data());
  if constexpr (std::is_same_v<Result, BFloat16>)
    for (int64_t row = 0; desc.accumulate && row < desc.m; ++row)
      widenRow(c + row * desc.c_m, rows.data + row * rows.stride, desc.n);
  gemm(left.transposed, right.transposed, desc.m, desc.n, desc.k, 1, a, left.leading, b,
       right.leading, desc.accumulate ? 1 : 0, rows.data, rows.stride);
  rows.finish(desc.m);
}

void contractGemm(int threads, const tpc_contract_desc &desc, const BFloat16 *a, const BFloat16 *b,
                  char *c) {
  setLibraryThreads(threads);
  for (int64_t index = 0; index < desc.batch; ++index) {
    const BFloat16 *left = a + index * desc.a_batch, *right = b + index * desc.b_batch;
    if (desc.result_dtype == TPC_BF16)
      contractBatch(desc, left, right, reinterpret_cast<BFloat16 *>(c) + index * desc.c_batch);
    else
      contractBatch(desc, left, right, reinterpret_cast<float *>(c) + index * desc.c_batch);
  }
}

} // namespace tpc::runtime
