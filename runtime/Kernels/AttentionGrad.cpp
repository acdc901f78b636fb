// Backward attention. The items are (batch, key/value head): each sums its own dK and dV over
// blocks and group members in a fixed order, so results do not depend on the number of threads.
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/Attention.h"
#include "Kernels/Softmax.h"

#include <cstring>

using namespace tpc::runtime;

namespace {

struct HeadGrad {
  const float *q, *k, *v, *out, *dOut, *logSumExp;
  float *dQ, *dK, *dV;
};

/// One block of query rows of one query head; pointers at the block's first row and at key 0.
void gradBlock(const tpc_attention_desc &desc, const AttentionStrides &strides,
               const QueryBlock &block, const HeadGrad &at, float *scores, float *cotangents) {
  int64_t rows = block.rows, width = block.width, dim = desc.head_dim,
          heads = desc.kv_heads * desc.group;
  float scale = static_cast<float>(desc.scale);
  gemm(false, true, rows, width, dim, scale, at.q, strides.queryRow, at.k, strides.keyRow, 0,
       scores, width);
  gemm(false, true, rows, width, dim, 1, at.dOut, strides.queryRow, at.v, strides.keyRow, 0,
       cotangents, width);
  for (int64_t row = 0; row < rows; ++row) {
    float dot = dotRow(at.dOut + row * strides.queryRow, at.out + row * strides.queryRow, dim);
    softmaxGradRow(scores + row * width, cotangents + row * width, block.visible(row), width,
                   at.logSumExp[row * heads], dot, scale);
  }
  gemm(false, false, rows, dim, width, 1, cotangents, width, at.k, strides.keyRow, 0, at.dQ,
       strides.queryRow);
  gemm(true, false, width, dim, rows, 1, cotangents, width, at.q, strides.queryRow, 1, at.dK,
       strides.keyRow);
  gemm(true, false, width, dim, rows, 1, scores, width, at.dOut, strides.queryRow, 1, at.dV,
       strides.keyRow);
}

void zeroRows(float *first, int64_t rows, int64_t stride, int64_t size) {
  for (int64_t row = 0; row < rows; ++row)
    std::memset(first + row * stride, 0, sizeof(float) * static_cast<size_t>(size));
}

/// All blocks of one query head.
void gradHead(const tpc_attention_desc &desc, const AttentionStrides &strides, const HeadGrad &head,
              float *scores) {
  int64_t heads = desc.kv_heads * desc.group;
  for (int64_t index = 0; index < queryBlocks(desc); ++index) {
    QueryBlock block(desc, index);
    HeadGrad at = head;
    int64_t offset = block.first * strides.queryRow;
    at.q += offset, at.out += offset, at.dOut += offset, at.dQ += offset;
    at.logSumExp += block.first * heads;
    if (block.width == 0)
      zeroRows(at.dQ, block.rows, strides.queryRow, desc.head_dim);
    else
      gradBlock(desc, strides, block, at, scores, scores + TPC_ATTENTION_BLOCK * desc.keys);
  }
}

} // namespace

void CpuDevice::attentionGrad(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                              const char *k, const char *v, const char *out, const char *logSumExp,
                              const char *dOut, char *dQ, char *dK, char *dV, char *workspace) {
  checkAttentionType(desc);
  AttentionStrides strides(desc);
  int64_t heads = desc.kv_heads * desc.group;
  auto input = [](const char *base, int64_t offset) {
    return reinterpret_cast<const float *>(base) + offset;
  };
  auto output = [](char *base, int64_t offset) { return reinterpret_cast<float *>(base) + offset; };
  setLibraryThreads(context.threads);
  parallelItems(context.threads, desc.batch * desc.kv_heads, [&](int64_t item, int thread) {
    int64_t batch = item / desc.kv_heads, kvHead = item % desc.kv_heads;
    int64_t key = batch * strides.keyBatch + kvHead * desc.head_dim;
    zeroRows(output(dK, key), desc.keys, strides.keyRow, desc.head_dim);
    zeroRows(output(dV, key), desc.keys, strides.keyRow, desc.head_dim);
    for (int64_t member = 0; member < desc.group; ++member) {
      int64_t head = kvHead * desc.group + member;
      int64_t query = batch * strides.queryBatch + head * desc.head_dim;
      HeadGrad grad = {input(q, query),    input(k, key),
                       input(v, key),      input(out, query),
                       input(dOut, query), input(logSumExp, batch * desc.queries * heads + head),
                       output(dQ, query),  output(dK, key),
                       output(dV, key)};
      gradHead(desc, strides, grad,
               reinterpret_cast<float *>(workspace + thread * attentionWorkspace(desc)));
    }
  });
}
