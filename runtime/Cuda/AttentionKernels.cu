// Attention and its gradient, simple and exact to rounding. A team of threads has one row (of
// queries, or of keys) in registers, each thread every so many of its elements; the rows that it
// meets pass by in shared memory, a tile at a time, for all rows of the block.
#include "Cuda/AttentionKernels.h"
#include "Cuda/Launch.cuh"
#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"
#include <cmath>
#include <cuda_bf16.h>

namespace tpc::runtime {

namespace {
constexpr int kThreads = 128;     // of a block
constexpr int kTileFloats = 4096; // of a tile of rows in shared memory

struct Shape {
  int64_t queries, keys, kvHeads, group, headDim;
  bool causal;
  float scale;

  __host__ __device__ int64_t heads() const { return kvHeads * group; }
  /// How many keys query row `i` sees.
  __host__ __device__ int64_t visible(int64_t i) const {
    int64_t count = i + 1 + keys - queries;
    return !causal || count > keys ? keys : count < 0 ? 0 : count;
  }
};

__device__ float widen(float value) { return value; }
__device__ float widen(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ void narrow(float value, float &to) { to = value; }
__device__ void narrow(float value, __nv_bfloat16 &to) { to = __float2bfloat16(value); }

/// A row of `Width` elements spread over `Team` threads, which lie side by side in a warp. Each has
/// groups of four, so that a team reads 16 bytes per thread, one behind the other.
template <int Slice, int Team>
struct Row {
  static constexpr int Width = Slice * Team, Rows = kThreads / Team, Tile = kTileFloats / Width;
  float at[Slice];

  static __device__ int lane() { return static_cast<int>(threadIdx.x) % Team; }
  static __device__ int team() { return static_cast<int>(threadIdx.x) / Team; }
  /// Which element of the row `at[e]` is.
  static __device__ int element(int e) { return (e / 4 * Team + lane()) * 4 + e % 4; }

  __device__ void fill(float value) {
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      at[e] = value;
  }
  /// Zeros beyond `size` elements, and everywhere without a source.
  template <typename T>
  __device__ void load(const T *source, int64_t size) {
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      at[e] = source && element(e) < size ? widen(source[element(e)]) : 0.0f;
  }
  template <typename T>
  __device__ void store(T *target, int64_t size, float factor = 1) const {
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      if (element(e) < size)
        narrow(at[e] * factor, target[element(e)]);
  }
  /// The product with a whole row in shared memory; all threads of the warp take part.
  __device__ float dot(const float *row) const {
    float sum = 0;
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      sum += at[e] * row[element(e)];
    return teamSum(sum);
  }
  __device__ float dot(const Row &other) const {
    float sum = 0;
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      sum += at[e] * other.at[e];
    return teamSum(sum);
  }
  __device__ void add(float factor, const float *row) {
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      at[e] += factor * row[element(e)];
  }
  __device__ void scale(float factor) {
#pragma unroll
    for (int e = 0; e < Slice; ++e)
      at[e] *= factor;
  }

  static __device__ float teamSum(float value) {
#pragma unroll
    for (int distance = 1; distance < Team; distance *= 2)
      value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
  }

  /// Rows [first, first + Tile) of a tensor whose rows are `pitch` apart into shared memory, zeros
  /// beyond `rows` and `size`.
  template <typename T>
  static __device__ void stage(float *tile, const T *source, int64_t first, int64_t rows,
                               int64_t pitch, int64_t size) {
    for (int at = static_cast<int>(threadIdx.x); at < kTileFloats; at += kThreads) {
      int row = at / Width, column = at % Width;
      bool there = first + row < rows && column < size;
      tile[at] = there ? widen(source[(first + row) * pitch + column]) : 0.0f;
    }
  }
};

/// Which rows a block has: `Rows` of them, of one head of one batch element.
struct BlockPlace {
  int64_t batch, head, first;
  __device__ BlockPlace(int64_t heads, int64_t rows, int rowsOfBlock) {
    int64_t blocks = (rows + rowsOfBlock - 1) / rowsOfBlock, index = blockIdx.x;
    first = index % blocks * rowsOfBlock;
    head = index / blocks % heads;
    batch = index / blocks / heads;
  }
};

template <typename T, int Slice, int Team>
__global__ void __launch_bounds__(kThreads)
    attend(Shape shape, const T *q, const T *k, const T *v, T *out, float *logSumExp) {
  using Part = Row<Slice, Team>;
  __shared__ __align__(16) float keys[kTileFloats], values[kTileFloats];
  BlockPlace place(shape.heads(), shape.queries, Part::Rows);
  int64_t i = place.first + Part::team(), size = shape.headDim, pitch = shape.kvHeads * size;
  int64_t row = (place.batch * shape.queries + i) * shape.heads() + place.head;
  bool mine = i < shape.queries;
  int64_t visible = mine ? shape.visible(i) : 0;
  int64_t last = place.first + Part::Rows - 1;
  int64_t end = shape.visible(last < shape.queries ? last : shape.queries - 1);
  int64_t keyBase = place.batch * shape.keys * pitch + place.head / shape.group * size;

  Part query, sum;
  query.load(mine ? q + row * size : nullptr, size);
  sum.fill(0);
  float largest = -INFINITY, total = 0;
  for (int64_t first = 0; first < end; first += Part::Tile) {
    Part::stage(keys, k + keyBase, first, shape.keys, pitch, size);
    Part::stage(values, v + keyBase, first, shape.keys, pitch, size);
    __syncthreads();
    for (int j = 0; j < Part::Tile && first + j < end; ++j) {
      float score = shape.scale * query.dot(keys + j * Part::Width);
      if (first + j >= visible)
        continue;
      if (score > largest) {
        float shrink = expf(largest - score);
        sum.scale(shrink);
        total *= shrink;
        largest = score;
      }
      float weight = expf(score - largest);
      total += weight;
      sum.add(weight, values + j * Part::Width);
    }
    __syncthreads();
  }
  if (!mine)
    return;
  sum.store(out + row * size, size, visible ? 1 / total : 0.0f);
  if (Part::lane() == 0)
    logSumExp[row] = visible ? largest + logf(total) : -INFINITY;
}

/// dQ; and into `dots`, for attendGradKeys, the products of rows of out and dOut.
template <typename T, int Slice, int Team>
__global__ void __launch_bounds__(kThreads)
    attendGradQueries(Shape shape, const T *q, const T *k, const T *v, const T *out,
                      const float *logSumExp, const T *dOut, T *dQ, float *dots) {
  using Part = Row<Slice, Team>;
  __shared__ __align__(16) float keys[kTileFloats], values[kTileFloats];
  BlockPlace place(shape.heads(), shape.queries, Part::Rows);
  int64_t i = place.first + Part::team(), size = shape.headDim, pitch = shape.kvHeads * size;
  int64_t row = (place.batch * shape.queries + i) * shape.heads() + place.head;
  bool mine = i < shape.queries;
  int64_t visible = mine ? shape.visible(i) : 0;
  int64_t last = place.first + Part::Rows - 1;
  int64_t end = shape.visible(last < shape.queries ? last : shape.queries - 1);
  int64_t keyBase = place.batch * shape.keys * pitch + place.head / shape.group * size;

  Part query, cotangent, sum;
  sum.load(mine ? out + row * size : nullptr, size);
  cotangent.load(mine ? dOut + row * size : nullptr, size);
  float dot = cotangent.dot(sum), logSum = mine ? logSumExp[row] : 0.0f;
  query.load(mine ? q + row * size : nullptr, size);
  sum.fill(0);
  for (int64_t first = 0; first < end; first += Part::Tile) {
    Part::stage(keys, k + keyBase, first, shape.keys, pitch, size);
    Part::stage(values, v + keyBase, first, shape.keys, pitch, size);
    __syncthreads();
    for (int j = 0; j < Part::Tile && first + j < end; ++j) {
      float score = shape.scale * query.dot(keys + j * Part::Width);
      float dWeight = cotangent.dot(values + j * Part::Width);
      if (first + j < visible)
        sum.add(expf(score - logSum) * (dWeight - dot) * shape.scale, keys + j * Part::Width);
    }
    __syncthreads();
  }
  if (!mine)
    return;
  sum.store(dQ + row * size, size);
  if (Part::lane() == 0)
    dots[row] = dot;
}

/// dK and dV: the queries of all heads of a group pass by each key, in order.
template <typename T, int Slice, int Team>
__global__ void __launch_bounds__(kThreads)
    attendGradKeys(Shape shape, const T *q, const T *k, const T *v, const float *logSumExp,
                   const T *dOut, const float *dots, T *dK, T *dV) {
  using Part = Row<Slice, Team>;
  __shared__ __align__(16) float queries[kTileFloats], cotangents[kTileFloats];
  BlockPlace place(shape.kvHeads, shape.keys, Part::Rows);
  int64_t j = place.first + Part::team(), size = shape.headDim, pitch = shape.heads() * size;
  int64_t row = (place.batch * shape.keys + j) * shape.kvHeads + place.head;
  bool mine = j < shape.keys;
  // The first query that sees any key of the block.
  int64_t start = shape.causal ? place.first - (shape.keys - shape.queries) : 0;
  start = start < 0 ? 0 : start;

  Part key, value, dKey, dValue;
  key.load(mine ? k + row * size : nullptr, size);
  value.load(mine ? v + row * size : nullptr, size);
  dKey.fill(0);
  dValue.fill(0);
  for (int64_t member = 0; member < shape.group; ++member) {
    int64_t head = place.head * shape.group + member;
    int64_t firstRow = place.batch * shape.queries * shape.heads() + head;
    for (int64_t first = start; first < shape.queries; first += Part::Tile) {
      Part::stage(queries, q + firstRow * size, first, shape.queries, pitch, size);
      Part::stage(cotangents, dOut + firstRow * size, first, shape.queries, pitch, size);
      __syncthreads();
      for (int i = 0; i < Part::Tile && first + i < shape.queries; ++i) {
        float score = shape.scale * key.dot(queries + i * Part::Width);
        float dWeight = value.dot(cotangents + i * Part::Width);
        if (!mine || j >= shape.visible(first + i))
          continue;
        int64_t query = firstRow + (first + i) * shape.heads();
        float weight = expf(score - logSumExp[query]);
        dValue.add(weight, cotangents + i * Part::Width);
        dKey.add(weight * (dWeight - dots[query]) * shape.scale, queries + i * Part::Width);
      }
      __syncthreads();
    }
  }
  if (!mine)
    return;
  dKey.store(dK + row * size, size);
  dValue.store(dV + row * size, size);
}

struct Operands {
  const char *q, *k, *v, *out, *logSumExp, *dOut;
  char *outResult, *logSumExpResult, *dQ, *dK, *dV, *dots;
};

template <typename T, int Slice, int Team>
void give(const tpc_attention_desc &desc, const Operands &at, bool gradient, cudaStream_t stream) {
  Shape shape{desc.queries,
              desc.keys,
              desc.kv_heads,
              desc.group,
              desc.head_dim,
              desc.causal != 0,
              static_cast<float>(desc.scale)};
  auto in = [](const char *data) { return reinterpret_cast<const T *>(data); };
  auto result = [](char *data) { return reinterpret_cast<T *>(data); };
  constexpr int rows = Row<Slice, Team>::Rows;
  int64_t queryBlocks = desc.batch * shape.heads() * ((desc.queries + rows - 1) / rows);
  int64_t keyBlocks = desc.batch * desc.kv_heads * ((desc.keys + rows - 1) / rows);
  const auto *logSums = reinterpret_cast<const float *>(at.logSumExp);
  auto *dots = reinterpret_cast<float *>(at.dots);
  if (!gradient) {
    launch(attend<T, Slice, Team>, queryBlocks, kThreads, stream, shape, in(at.q), in(at.k),
           in(at.v), result(at.outResult), reinterpret_cast<float *>(at.logSumExpResult));
    return;
  }
  launch(attendGradQueries<T, Slice, Team>, queryBlocks, kThreads, stream, shape, in(at.q),
         in(at.k), in(at.v), in(at.out), logSums, in(at.dOut), result(at.dQ), dots);
  launch(attendGradKeys<T, Slice, Team>, keyBlocks, kThreads, stream, shape, in(at.q), in(at.k),
         in(at.v), logSums, in(at.dOut), static_cast<const float *>(dots), result(at.dK),
         result(at.dV));
}

template <typename T>
void giveForHead(const tpc_attention_desc &desc, const Operands &at, bool gradient,
                 cudaStream_t stream) {
  if (desc.head_dim <= 32)
    return give<T, 8, 4>(desc, at, gradient, stream);
  if (desc.head_dim <= 64)
    return give<T, 16, 4>(desc, at, gradient, stream);
  if (desc.head_dim <= 128)
    return give<T, 32, 4>(desc, at, gradient, stream);
  give<T, 32, 8>(desc, at, gradient, stream);
}

void giveAny(const tpc_attention_desc &desc, const Operands &at, bool gradient,
             cudaStream_t stream) {
  if (desc.head_dim > kLongestHead)
    throw Error("attention on a GPU takes heads of up to " + std::to_string(kLongestHead) +
                " elements, got " + std::to_string(desc.head_dim));
  if (desc.dtype == TPC_F32)
    return giveForHead<float>(desc, at, gradient, stream);
  if (desc.dtype == TPC_BF16)
    return giveForHead<__nv_bfloat16>(desc, at, gradient, stream);
  throw Error(std::string("attention on a GPU works on f32 and bf16, got ") + toString(desc.dtype));
}
} // namespace

void giveAttention(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                   char *out, char *logSumExp, cudaStream_t stream) {
  Operands at = {};
  at.q = q, at.k = k, at.v = v, at.outResult = out, at.logSumExpResult = logSumExp;
  giveAny(desc, at, /*gradient=*/false, stream);
}

void giveAttentionGrad(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                       const char *out, const char *logSumExp, const char *dOut, char *dQ, char *dK,
                       char *dV, char *workspace, cudaStream_t stream) {
  Operands at = {};
  at.q = q, at.k = k, at.v = v, at.out = out, at.logSumExp = logSumExp, at.dOut = dOut;
  at.dQ = dQ, at.dK = dK, at.dV = dV, at.dots = workspace;
  giveAny(desc, at, /*gradient=*/true, stream);
}

} // namespace tpc::runtime
