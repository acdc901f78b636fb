#include "Kernels/Attention.h"
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/Softmax.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace tpc::runtime;

QueryBlock::QueryBlock(const tpc_attention_desc &desc, int64_t index)
    : first(index * TPC_ATTENTION_BLOCK),
      rows(std::min<int64_t>(TPC_ATTENTION_BLOCK, desc.queries - first)), keys(desc.keys),
      offset(desc.keys - desc.queries), causal(desc.causal != 0) {
  width = visible(rows - 1);
}

int64_t QueryBlock::visible(int64_t row) const {
  return causal ? std::clamp<int64_t>(first + row + offset + 1, 0, keys) : keys;
}

int64_t tpc::runtime::attentionWorkspace(const tpc_attention_desc &desc) {
  return 4 * 2 * TPC_ATTENTION_BLOCK * desc.keys;
}

void tpc::runtime::checkAttentionType(const tpc_attention_desc &desc) {
  if (desc.dtype != TPC_F32)
    throw Error(std::string("attention works on f32, got ") + toString(desc.dtype));
}

namespace {

/// One block of query rows of one head: `q`, `out` at the block's first row, `k`, `v` at key 0.
void attendBlock(const tpc_attention_desc &desc, const AttentionStrides &strides,
                 const QueryBlock &block, const float *q, const float *k, const float *v,
                 float *out, float *logSumExp, float *scores) {
  int64_t heads = desc.kv_heads * desc.group, width = block.width;
  if (width > 0)
    gemm(false, true, block.rows, width, desc.head_dim, static_cast<float>(desc.scale), q,
         strides.queryRow, k, strides.keyRow, 0, scores, width);
  float inverse[TPC_ATTENTION_BLOCK];
  for (int64_t row = 0; row < block.rows; ++row) {
    int64_t visible = block.visible(row);
    float &kept = logSumExp[row * heads];
    if (visible == 0) {
      std::memset(scores + row * width, 0, sizeof(float) * static_cast<size_t>(width));
      kept = -std::numeric_limits<float>::infinity(), inverse[row] = 0;
      continue;
    }
    SoftmaxRow softmax = exponentiateRow(scores + row * width, visible, width);
    kept = softmax.max + std::log(softmax.sum), inverse[row] = 1 / softmax.sum;
  }
  if (width > 0)
    gemm(false, false, block.rows, desc.head_dim, width, 1, scores, width, v, strides.keyRow, 0,
         out, strides.queryRow);
  for (int64_t row = 0; row < block.rows; ++row)
    if (float *outRow = out + row * strides.queryRow; inverse[row] == 0)
      std::memset(outRow, 0, sizeof(float) * static_cast<size_t>(desc.head_dim));
    else
      scaleRow(outRow, desc.head_dim, inverse[row]);
}

} // namespace

void CpuDevice::attention(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                          const char *k, const char *v, char *out, char *logSumExp,
                          char *workspace) {
  checkAttentionType(desc);
  AttentionStrides strides(desc);
  int64_t heads = desc.kv_heads * desc.group, blocks = queryBlocks(desc);
  setLibraryThreads(context.threads);
  parallelItems(context.threads, desc.batch * heads * blocks, [&](int64_t item, int thread) {
    // Later blocks see more keys: they go first, so that the last items to be taken are short ones.
    QueryBlock block(desc, blocks - 1 - item / (desc.batch * heads));
    int64_t head = item % heads, batch = item / heads % desc.batch;
    int64_t query =
        batch * strides.queryBatch + block.first * strides.queryRow + head * desc.head_dim;
    int64_t key = batch * strides.keyBatch + head / desc.group * desc.head_dim;
    attendBlock(desc, strides, block, reinterpret_cast<const float *>(q) + query,
                reinterpret_cast<const float *>(k) + key, reinterpret_cast<const float *>(v) + key,
                reinterpret_cast<float *>(out) + query,
                reinterpret_cast<float *>(logSumExp) +
                    (batch * desc.queries + block.first) * heads + head,
                reinterpret_cast<float *>(workspace + thread * attentionWorkspace(desc)));
  });
}
