// What forward and backward attention share: the geometry of a block of query rows.
#ifndef TPC_RUNTIME_KERNELS_ATTENTION_H
#define TPC_RUNTIME_KERNELS_ATTENTION_H

#include "Kernels/Gemm.h"
#include "Kernels/NarrowGemm.h"
#include "tpc/runtime/Context.h"
#include "tpc_runtime.h"

namespace tpc::runtime {

/// Element strides of the operands; head_dim is contiguous.
struct AttentionStrides {
  explicit AttentionStrides(const tpc_attention_desc &desc)
      : queryRow(desc.kv_heads * desc.group * desc.head_dim), keyRow(desc.kv_heads * desc.head_dim),
        queryBatch(desc.queries * queryRow), keyBatch(desc.keys * keyRow) {}
  int64_t queryRow, keyRow, queryBatch, keyBatch;
};

/// Query rows [first, first + rows) of one head.
struct QueryBlock {
  QueryBlock(const tpc_attention_desc &desc, int64_t index);
  /// How many keys row `first + row` sees.
  int64_t visible(int64_t row) const;
  int64_t first, rows;
  int64_t width; ///< keys that any row of the block sees
private:
  int64_t keys, offset;
  bool causal;
};

inline int64_t queryBlocks(const tpc_attention_desc &desc) {
  return (desc.queries + TPC_ATTENTION_BLOCK - 1) / TPC_ATTENTION_BLOCK;
}

/// Bytes of workspace per thread, as documented at tpc_attention.
int64_t attentionWorkspace(const tpc_attention_desc &desc);

/// The parts of one thread's workspace. All but the first two are for bf16 only.
struct AttentionWorkspace {
  AttentionWorkspace(const tpc_attention_desc &desc, char *workspace, int thread);
  float *scores, *cotangents; ///< a block of query rows by keys each
  float *rows;                ///< a block of query rows by head_dim
  float *dK, *dV;             ///< keys by head_dim
  BFloat16 *narrowScores, *narrowCotangents;
};

/// Throws Error unless the element type is f32 or bf16.
void checkAttentionType(const tpc_attention_desc &desc);

} // namespace tpc::runtime

#endif
