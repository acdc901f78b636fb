#include "Cuda/EmbeddingKernels.h"
#include "Cuda/Launch.cuh"
#include "tpc/runtime/Error.h"
#include "tpc_random.h"
#include <cuda_bf16.h>

namespace tpc::runtime {
namespace {

constexpr int kThreads = 256;

int64_t blocksFor(int64_t items) { return (items + kThreads - 1) / kThreads; }

__device__ int64_t itemOfThread() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int64_t>(threadIdx.x);
}

/// One thread for each piece of each token's row; `pieces`: 16-byte ones where rows have them.
template <typename Piece>
__global__ void lookUp(EmbeddingShape shape, int64_t pieces, const int32_t *ids, const Piece *table,
                       Piece *out) {
  int64_t item = itemOfThread();
  if (item >= shape.tokens * pieces)
    return;
  int64_t row = ids[item / pieces] - shape.first;
  bool mine = row >= 0 && row < shape.rows;
  out[item] = mine ? table[row * pieces + item % pieces] : Piece();
}

/// The tokens of a row are a list: whether a token is the first of its id, and which is the next.
__global__ void linkTokens(int64_t tokens, const int32_t *ids, int32_t *isFirst, int32_t *next) {
  int64_t token = itemOfThread();
  if (token >= tokens)
    return;
  int32_t id = ids[token], first = 1;
  for (int64_t other = 0; other < token; ++other)
    first &= ids[other] != id;
  int64_t later = token + 1;
  while (later < tokens && ids[later] != id)
    ++later;
  isFirst[token] = first;
  next[token] = later < tokens ? static_cast<int32_t>(later) : -1;
}

/// One thread for each element of each row that has tokens: adds their sum, in order.
template <typename Element, typename Sum>
__global__ void addRows(EmbeddingShape shape, const int32_t *ids, const int32_t *isFirst,
                        const int32_t *next, const Element *dOut, Sum *dTable) {
  int64_t item = itemOfThread();
  if (item >= shape.tokens * shape.width)
    return;
  int64_t token = item / shape.width, column = item % shape.width;
  int64_t row = ids[token] - shape.first;
  if (!isFirst[token] || row < 0 || row >= shape.rows)
    return;
  Sum sum = 0;
  for (int64_t at = token; at >= 0; at = next[at])
    sum += static_cast<Sum>(dOut[at * shape.width + column]);
  dTable[row * shape.width + column] += sum;
}

template <typename Piece>
void look(const EmbeddingShape &shape, int64_t rowBytes, const char *ids, const char *table,
          char *out, cudaStream_t stream) {
  int64_t pieces = rowBytes / static_cast<int64_t>(sizeof(Piece));
  launch(lookUp<Piece>, blocksFor(shape.tokens * pieces), kThreads, stream, shape, pieces,
         reinterpret_cast<const int32_t *>(ids), reinterpret_cast<const Piece *>(table),
         reinterpret_cast<Piece *>(out));
}

template <typename Element, typename Sum>
void add(const EmbeddingShape &shape, const int32_t *ids, const int32_t *isFirst,
         const int32_t *next, const char *dOut, char *dTable, cudaStream_t stream) {
  launch(addRows<Element, Sum>, blocksFor(shape.tokens * shape.width), kThreads, stream, shape, ids,
         isFirst, next, reinterpret_cast<const Element *>(dOut), reinterpret_cast<Sum *>(dTable));
}

/// The box that a rank has of a tensor, by value.
struct DrawnBox {
  int64_t rank, global[8], local[8], offsets[8];
};

/// Row-major index in the whole tensor; -1 for padding.
__device__ int64_t globalIndex(const DrawnBox &box, int64_t element) {
  int64_t index = 0, stride = 1;
  for (int64_t d = box.rank - 1; d >= 0; --d) {
    int64_t coordinate = box.offsets[d] + element % box.local[d];
    if (coordinate >= box.global[d])
      return -1;
    index += coordinate * stride;
    element /= box.local[d], stride *= box.global[d];
  }
  return index;
}

template <typename Element>
__global__ void drop(DrawnBox box, int64_t elements, const uint64_t *seed, uint64_t stream,
                     double probability, const Element *in, Element *out) {
  int64_t element = itemOfThread();
  if (element >= elements)
    return;
  int64_t index = globalIndex(box, element);
  bool kept =
      index >= 0 && tpc_random_uniform(*seed, stream, static_cast<uint64_t>(index)) >= probability;
  out[element] = kept ? static_cast<Element>(static_cast<float>(static_cast<float>(in[element]) *
                                                                (1 / (1 - probability))))
                      : static_cast<Element>(0.0f);
}

} // namespace

void giveEmbedding(tpc_dtype dtype, const EmbeddingShape &shape, const char *ids, const char *table,
                   char *out, cudaStream_t stream) {
  int64_t bytes = dtype == TPC_BF16 ? 2 : dtype == TPC_F32 || dtype == TPC_I32 ? 4 : 8;
  int64_t rowBytes = shape.width * bytes;
  if (rowBytes * shape.tokens == 0)
    return;
  if (rowBytes % 16 == 0)
    look<uint4>(shape, rowBytes, ids, table, out, stream);
  else
    look<uint16_t>(shape, rowBytes, ids, table, out, stream);
}

void giveEmbeddingGrad(tpc_dtype dtype, tpc_dtype tableDtype, const EmbeddingShape &shape,
                       const char *ids, const char *dOut, const char *addend, char *dTable,
                       char *workspace, cudaStream_t stream) {
  bool known = (dtype == TPC_F32 || dtype == TPC_BF16) && tableDtype == TPC_F32;
  if (!known)
    throw Error("embedding gradients on a GPU are f32, of f32 or bf16: compile for another "
                "element type with --target=cpu");
  auto bytes = static_cast<size_t>(shape.rows * shape.width) * sizeof(float);
  if (!addend)
    checkCuda(cudaMemsetAsync(dTable, 0, bytes, stream), "cudaMemsetAsync");
  else if (addend != dTable)
    checkCuda(cudaMemcpyAsync(dTable, addend, bytes, cudaMemcpyDeviceToDevice, stream),
              "cudaMemcpyAsync");
  if (shape.tokens * shape.width == 0)
    return;
  auto *tokenIds = reinterpret_cast<const int32_t *>(ids);
  auto *isFirst = reinterpret_cast<int32_t *>(workspace), *next = isFirst + shape.tokens;
  launch(linkTokens, blocksFor(shape.tokens), kThreads, stream, shape.tokens, tokenIds, isFirst,
         next);
  if (dtype == TPC_F32)
    add<float, float>(shape, tokenIds, isFirst, next, dOut, dTable, stream);
  else
    add<__nv_bfloat16, float>(shape, tokenIds, isFirst, next, dOut, dTable, stream);
}

void giveDropout(const tpc_dropout_desc &desc, const char *seed, const int64_t *offsets,
                 const char *in, char *out, cudaStream_t stream) {
  if (desc.dtype != TPC_F32 && desc.dtype != TPC_BF16)
    throw Error("dropout on a GPU works on f32 and bf16");
  DrawnBox box = {desc.rank, {}, {}, {}};
  int64_t elements = 1;
  for (int64_t d = 0; d < desc.rank; ++d) {
    box.global[d] = desc.global_shape[d], box.local[d] = desc.local_shape[d];
    box.offsets[d] = offsets[d];
    elements *= box.local[d];
  }
  auto give = [&](auto kernel, auto *from, auto *to) {
    if (elements > 0)
      launch(kernel, blocksFor(elements), kThreads, stream, box, elements,
             reinterpret_cast<const uint64_t *>(seed), tpc_random_stream(desc.stream),
             desc.probability, from, to);
  };
  if (desc.dtype == TPC_F32)
    give(drop<float>, reinterpret_cast<const float *>(in), reinterpret_cast<float *>(out));
  else
    give(drop<__nv_bfloat16>, reinterpret_cast<const __nv_bfloat16 *>(in),
         reinterpret_cast<__nv_bfloat16 *>(out));
}

} // namespace tpc::runtime
