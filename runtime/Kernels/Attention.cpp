#include "Kernels/Attention.h"
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/WideRows.h"

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
  int64_t wide = 2 * TPC_ATTENTION_BLOCK * desc.keys;
  int64_t narrow =
      TPC_ATTENTION_BLOCK * (desc.keys + desc.head_dim) + 2 * desc.keys * desc.head_dim;
  return 4 * (desc.dtype == TPC_BF16 ? wide + narrow : wide);
}

AttentionWorkspace::AttentionWorkspace(const tpc_attention_desc &desc, char *workspace,
                                       int thread) {
  int64_t block = TPC_ATTENTION_BLOCK * desc.keys;
  scores = reinterpret_cast<float *>(workspace + thread * attentionWorkspace(desc));
  cotangents = scores + block;
  rows = cotangents + block;
  dK = rows + TPC_ATTENTION_BLOCK * desc.head_dim;
  dV = dK + desc.keys * desc.head_dim;
  narrowScores = reinterpret_cast<BFloat16 *>(dV + desc.keys * desc.head_dim);
  narrowCotangents = narrowScores + block;
}

void tpc::runtime::checkAttentionType(const tpc_attention_desc &desc) {
  if (desc.dtype != TPC_F32 && desc.dtype != TPC_BF16)
    throw Error(std::string("attention works on f32 and bf16, got ") + toString(desc.dtype));
}

namespace {

/// One block of query rows of one head: `q`, `out` at the block's first row, `k`, `v` at key 0.
template <typename Element>
void attendBlock(const tpc_attention_desc &desc, const AttentionStrides &strides,
                 const QueryBlock &block, const Element *q, const Element *k, const Element *v,
                 Element *out, float *logSumExp, const AttentionWorkspace &space) {
  int64_t heads = desc.kv_heads * desc.group, width = block.width;
  float *scores = space.scores;
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
  WideRows<Element> rows(out, strides.queryRow, desc.head_dim, space.rows);
  if (width > 0)
    gemm(false, false, block.rows, desc.head_dim, width, 1,
         asOperand<Element>(scores, space.narrowScores, block.rows * width), width, v,
         strides.keyRow, 0, rows.data, rows.stride);
  for (int64_t row = 0; row < block.rows; ++row)
    if (float *outRow = rows.data + row * rows.stride; inverse[row] == 0)
      std::memset(outRow, 0, sizeof(float) * static_cast<size_t>(desc.head_dim));
    else
      scaleRow(outRow, desc.head_dim, inverse[row]);
  rows.finish(block.rows);
}

template <typename Element>
void attendAll(tpc_context &context, const tpc_attention_desc &desc, const Element *q,
               const Element *k, const Element *v, Element *out, float *logSumExp,
               char *workspace) {
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
    attendBlock(desc, strides, block, q + query, k + key, v + key, out + query,
                logSumExp + (batch * desc.queries + block.first) * heads + head,
                AttentionWorkspace(desc, workspace, thread));
  });
}

template <typename Element>
void attend(tpc_context &context, const tpc_attention_desc &desc, const char *q, const char *k,
            const char *v, char *out, char *logSumExp, char *workspace) {
  auto input = [](const char *bytes) { return reinterpret_cast<const Element *>(bytes); };
  attendAll(context, desc, input(q), input(k), input(v), reinterpret_cast<Element *>(out),
            reinterpret_cast<float *>(logSumExp), workspace);
}

} // namespace

void CpuDevice::attention(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                          const char *k, const char *v, char *out, char *logSumExp,
                          char *workspace) {
  checkAttentionType(desc);
  auto run = desc.dtype == TPC_F32 ? attend<float> : attend<BFloat16>;
  run(context, desc, q, k, v, out, logSumExp, workspace);
}
