// f32 matrix products of oneDNN's gemm: on Llama's shapes as fast as its matmul primitives or up to
// a third faster, and nothing to prepare.
#ifndef TPC_RUNTIME_KERNELS_GEMM_H
#define TPC_RUNTIME_KERNELS_GEMM_H

#include "tpc/runtime/BFloat16.h"
#include "tpc_runtime.h"

namespace tpc::runtime {

/// C[m, n] = alpha * op(A) op(B) + beta * C, row-major with leading dimensions. On the caller's
/// team of threads, or on the calling thread alone if it is one of a team.
void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha,
          const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
          int64_t ldc);

/// Multiplies something small in every form that gemm has. oneDNN generates a form's machine code,
/// megabytes in all, when it first meets it: after this its memory does not grow any more.
void generateGemmCode();

/// An f32 contraction, rowMajor() already applied.
void contractGemm(int threads, const tpc_contract_desc &desc, const float *a, const float *b,
                  float *c);
/// A bf16 contraction with a bf16 or f32 result, for processors that oneDNN has no matmul for.
void contractGemm(int threads, const tpc_contract_desc &desc, const BFloat16 *a, const BFloat16 *b,
                  char *c);

} // namespace tpc::runtime

#endif
