// Attention by kernels of our own: the reference for cuDNN's, and what runs where cuDNN does not.
#ifndef TPC_RUNTIME_CUDA_ATTENTIONKERNELS_H
#define TPC_RUNTIME_CUDA_ATTENTIONKERNELS_H

#include "tpc_runtime.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// The longest head the kernels keep in registers.
constexpr int64_t kLongestHead = 256;

/// Gives `stream` what tpc_attention and tpc_attention_grad define, on f32 or bf16 with arithmetic
/// in f32. No atomics: the same bits in every run. `workspace` of the gradient holds 4 bytes for
/// each row of q. Throws Error for other element types and longer heads.
void giveAttention(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                   char *out, char *logSumExp, cudaStream_t stream);
void giveAttentionGrad(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                       const char *out, const char *logSumExp, const char *dOut, char *dQ, char *dK,
                       char *dV, char *workspace, cudaStream_t stream);

} // namespace tpc::runtime

#endif
