// Backward attention. The items are (batch, key/value head): each sums its own dK and dV over
// blocks and group members in a fixed order, so results do not depend on the number of threads.
#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/Attention.h"
#include "Kernels/WideRows.h"

#include <cstring>

using namespace tpc::runtime;

namespace {

template <typename Element>
struct HeadGrad {
  const Element *q, *k, *v, *out, *dOut;
  const float *logSumExp;
  Element *dQ;
  WideRows<Element> dK, dV;
};

/// One block of query rows of one query head; pointers at the block's first row and at key 0.
template <typename Element>
void gradBlock(const tpc_attention_desc &desc, const AttentionStrides &strides,
               const QueryBlock &block, const HeadGrad<Element> &at,
               const AttentionWorkspace &space) {
  int64_t rows = block.rows, width = block.width, dim = desc.head_dim,
          heads = desc.kv_heads * desc.group;
  float scale = static_cast<float>(desc.scale);
  gemm(false, true, rows, width, dim, scale, at.q, strides.queryRow, at.k, strides.keyRow, 0,
       space.scores, width);
  gemm(false, true, rows, width, dim, 1, at.dOut, strides.queryRow, at.v, strides.keyRow, 0,
       space.cotangents, width);
  for (int64_t row = 0; row < rows; ++row) {
    float dot = dotRow(at.dOut + row * strides.queryRow, at.out + row * strides.queryRow, dim);
    softmaxGradRow(space.scores + row * width, space.cotangents + row * width, block.visible(row),
                   width, at.logSumExp[row * heads], dot, scale);
  }
  auto *scores = asOperand<Element>(space.scores, space.narrowScores, rows * width);
  auto *cotangents = asOperand<Element>(space.cotangents, space.narrowCotangents, rows * width);
  WideRows<Element> dQ(at.dQ, strides.queryRow, dim, space.rows);
  gemm(false, false, rows, dim, width, 1, cotangents, width, at.k, strides.keyRow, 0, dQ.data,
       dQ.stride);
  dQ.finish(rows);
  gemm(true, false, width, dim, rows, 1, cotangents, width, at.q, strides.queryRow, 1, at.dK.data,
       at.dK.stride);
  gemm(true, false, width, dim, rows, 1, scores, width, at.dOut, strides.queryRow, 1, at.dV.data,
       at.dV.stride);
}

template <typename Element>
void zeroRows(Element *first, int64_t rows, int64_t stride, int64_t size) {
  for (int64_t row = 0; row < rows; ++row)
    std::memset(first + row * stride, 0, sizeof(Element) * static_cast<size_t>(size));
}

/// All blocks of one query head.
template <typename Element>
void gradHead(const tpc_attention_desc &desc, const AttentionStrides &strides,
              const HeadGrad<Element> &head, const AttentionWorkspace &space) {
  int64_t heads = desc.kv_heads * desc.group;
  for (int64_t index = 0; index < queryBlocks(desc); ++index) {
    QueryBlock block(desc, index);
    HeadGrad<Element> at = head;
    int64_t offset = block.first * strides.queryRow;
    at.q += offset, at.out += offset, at.dOut += offset, at.dQ += offset;
    at.logSumExp += block.first * heads;
    if (block.width == 0)
      zeroRows(at.dQ, block.rows, strides.queryRow, desc.head_dim);
    else
      gradBlock(desc, strides, block, at, space);
  }
}

/// The tensors of tpc_attention_grad.
struct GradTensors {
  const char *q, *k, *v, *out, *logSumExp, *dOut;
  char *dQ, *dK, *dV;
};

template <typename Element>
void grad(tpc_context &context, const tpc_attention_desc &desc, const GradTensors &tensors,
          char *workspace) {
  AttentionStrides strides(desc);
  int64_t heads = desc.kv_heads * desc.group, dim = desc.head_dim;
  auto input = [](const char *base, int64_t offset) {
    return reinterpret_cast<const Element *>(base) + offset;
  };
  auto output = [](char *base, int64_t offset) {
    return reinterpret_cast<Element *>(base) + offset;
  };
  setLibraryThreads(context.threads);
  parallelItems(context.threads, desc.batch * desc.kv_heads, [&](int64_t item, int thread) {
    AttentionWorkspace space(desc, workspace, thread);
    int64_t batch = item / desc.kv_heads, kvHead = item % desc.kv_heads;
    int64_t key = batch * strides.keyBatch + kvHead * dim;
    WideRows<Element> dK(output(tensors.dK, key), strides.keyRow, dim, space.dK),
        dV(output(tensors.dV, key), strides.keyRow, dim, space.dV);
    zeroRows(dK.data, desc.keys, dK.stride, dim);
    zeroRows(dV.data, desc.keys, dV.stride, dim);
    for (int64_t member = 0; member < desc.group; ++member) {
      int64_t head = kvHead * desc.group + member;
      int64_t query = batch * strides.queryBatch + head * dim;
      auto *logSumExp = reinterpret_cast<const float *>(tensors.logSumExp);
      HeadGrad<Element> at = {input(tensors.q, query),
                              input(tensors.k, key),
                              input(tensors.v, key),
                              input(tensors.out, query),
                              input(tensors.dOut, query),
                              logSumExp + batch * desc.queries * heads + head,
                              output(tensors.dQ, query),
                              dK,
                              dV};
      gradHead(desc, strides, at, space);
    }
    dK.finish(desc.keys);
    dV.finish(desc.keys);
  });
}

} // namespace

void CpuDevice::attentionGrad(tpc_context &context, const tpc_attention_desc &desc, const char *q,
                              const char *k, const char *v, const char *out, const char *logSumExp,
                              const char *dOut, char *dQ, char *dK, char *dV, char *workspace) {
  checkAttentionType(desc);
  GradTensors tensors = {q, k, v, out, logSumExp, dOut, dQ, dK, dV};
  auto run = desc.dtype == TPC_F32 ? grad<float> : grad<BFloat16>;
  run(context, desc, tensors, workspace);
}
