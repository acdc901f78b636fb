// What is looked up, scattered and drawn on a GPU, by kernels of our own.
#ifndef TPC_RUNTIME_CUDA_EMBEDDINGKERNELS_H
#define TPC_RUNTIME_CUDA_EMBEDDINGKERNELS_H

#include "tpc_runtime.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Sizes of tpc_embedding and tpc_embedding_grad.
struct EmbeddingShape {
  int64_t tokens, rows, width, first;
};

/// Gives `stream` what tpc_embedding defines.
void giveEmbedding(tpc_dtype dtype, const EmbeddingShape &shape, const char *ids, const char *table,
                   char *out, cudaStream_t stream);

/// What tpc_embedding_grad defines: each row is the sum of its tokens in their order, as on a
/// processor, bit by bit. `workspace` holds 8 bytes for each token. Throws Error for types it does
/// not know.
void giveEmbeddingGrad(tpc_dtype dtype, tpc_dtype tableDtype, const EmbeddingShape &shape,
                       const char *ids, const char *dOut, const char *addend, char *dTable,
                       char *workspace, cudaStream_t stream);

/// What tpc_dropout defines, on f32 and bf16; `seed` is in the GPU's memory, so that a recorded
/// step draws anew when it changes. Throws Error for other types.
void giveDropout(const tpc_dropout_desc &desc, const char *seed, const int64_t *offsets,
                 const char *in, char *out, cudaStream_t stream);

} // namespace tpc::runtime

#endif
