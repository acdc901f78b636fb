#include "Cuda/CudnnAttention.h"
#include "Cuda/CudaError.h"
#include "tpc/runtime/Error.h"
#include <limits>

namespace tpc::runtime {

namespace {
/// Numbers of the tensors in memory.
enum Uid : int64_t { Q = 1, K, V, Out, Stats, DOut, DQ, DK, DV, DQSum, RowSum, Scale, Lowest, One };

using Dims = CudnnGraph::Dims;
using Tensor = CudnnGraph::Tensor;

/// What cuDNN's engines for attention recognize: matrix products, a mask, a softmax in single
/// steps.
class AttentionGraph {
public:
  AttentionGraph(const CudnnLibrary &library, const tpc_attention_desc &desc)
      : graph(library), desc(desc), heads(desc.kv_heads * desc.group),
        scores{desc.batch, heads, desc.queries, desc.keys},
        rows{desc.batch, heads, desc.queries, 1}, scale(graph.scalar(Scale)),
        lowest(graph.scalar(Lowest)) {}

  CudnnGraph forward() {
    Tensor masked = maskedScores();
    Tensor largest = graph.between(rows), shifted = graph.between(scores),
           weights = graph.between(scores), sum = graph.between(rows), log = graph.between(rows),
           probabilities = graph.between(scores, CUDNN_DATA_BFLOAT16);
    graph.reduce(CUDNN_REDUCE_TENSOR_MAX, masked, largest);
    graph.pointwise(CUDNN_POINTWISE_SUB, masked, &largest, shifted);
    graph.pointwise(CUDNN_POINTWISE_EXP, shifted, nullptr, weights);
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, weights, sum);
    graph.pointwise(CUDNN_POINTWISE_LOG, sum, nullptr, log);
    graph.pointwise(CUDNN_POINTWISE_ADD, largest, &log, statistics());
    graph.pointwise(CUDNN_POINTWISE_DIV, weights, &sum, probabilities);
    graph.matmul(probabilities, keyRows(V), queryRows(Out));
    return std::move(graph);
  }

  CudnnGraph backward() {
    Tensor dOut = queryRows(DOut), rowSum = sumsOfRows(dOut);
    Tensor weights = recomputedWeights();
    reduceHeads(weights, dOut, DV);
    Tensor dScores = scoreCotangents(dOut, rowSum, weights);
    reduceHeads(dScores, queryRows(Q), DK);
    queryCotangents(dScores);
    return std::move(graph);
  }

private:
  /// [batch, heads, length, head_dim] of a tensor [batch, length, heads, head_dim].
  Tensor inMemory(Uid uid, int64_t count, int64_t length) {
    int64_t dim = desc.head_dim;
    return graph.tensor(uid, CUDNN_DATA_BFLOAT16, {desc.batch, count, length, dim},
                        {length * count * dim, dim, count * dim, 1});
  }
  Tensor queryRows(Uid uid) { return inMemory(uid, heads, desc.queries); }
  Tensor keyRows(Uid uid) { return inMemory(uid, desc.kv_heads, desc.keys); }
  /// [batch, kv_heads, head_dim, keys].
  Tensor keyColumns(Uid uid) {
    int64_t dim = desc.head_dim, count = desc.kv_heads;
    return graph.tensor(uid, CUDNN_DATA_BFLOAT16, {desc.batch, count, dim, desc.keys},
                        {desc.keys * count * dim, dim, 1, count * dim});
  }
  Tensor statistics() { // [batch, queries, heads] in memory
    return graph.tensor(Stats, CUDNN_DATA_FLOAT, rows, {desc.queries * heads, 1, heads, 1});
  }

  Tensor scaledScores() {
    Tensor product = graph.between(scores), scaled = graph.between(scores);
    graph.matmul(queryRows(Q), keys(), product);
    graph.pointwise(CUDNN_POINTWISE_MUL, product, &scale, scaled);
    return scaled;
  }

  /// K is read by two operations of the gradient.
  const Tensor &keys() {
    if (!columnsOfK.descriptor)
      columnsOfK = keyColumns(K);
    return columnsOfK;
  }

  Tensor mask(const Tensor &values) {
    if (!desc.causal)
      return values;
    Tensor row = graph.between(scores, CUDNN_DATA_INT32),
           column = graph.between(scores, CUDNN_DATA_INT32),
           visible = graph.between(scores, CUDNN_DATA_BOOLEAN), masked = graph.between(scores);
    graph.pointwise(CUDNN_POINTWISE_GEN_INDEX, values, nullptr, row, CUDNN_DATA_INT32, 2);
    graph.pointwise(CUDNN_POINTWISE_GEN_INDEX, values, nullptr, column, CUDNN_DATA_INT32, 3);
    graph.pointwise(CUDNN_POINTWISE_CMP_GE, row, &column, visible, CUDNN_DATA_BOOLEAN);
    graph.pointwise(CUDNN_POINTWISE_BINARY_SELECT, values, &lowest, masked, CUDNN_DATA_FLOAT, -1,
                    &visible);
    return masked;
  }

  Tensor maskedScores() { return mask(scaledScores()); }

  /// sum of dOut * out along each row: in memory, for the kernels come one after the other.
  Tensor sumsOfRows(const Tensor &dOut) {
    Tensor product = graph.between({desc.batch, heads, desc.queries, desc.head_dim}),
           sum = graph.between(rows), one = graph.scalar(One),
           kept = graph.tensor(RowSum, CUDNN_DATA_FLOAT, rows,
                               {heads * desc.queries, desc.queries, 1, 1});
    graph.pointwise(CUDNN_POINTWISE_MUL, dOut, &outOf(), product);
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, product, sum);
    graph.pointwise(CUDNN_POINTWISE_MUL, sum, &one, kept);
    return kept;
  }

  const Tensor &outOf() {
    out = queryRows(Out);
    return out;
  }

  Tensor recomputedWeights() {
    Tensor shifted = graph.between(scores), weights = graph.between(scores);
    Tensor scaled = scaledScores(), stats = statistics();
    graph.pointwise(CUDNN_POINTWISE_SUB, scaled, &stats, shifted);
    graph.pointwise(CUDNN_POINTWISE_EXP, mask(shifted), nullptr, weights);
    return weights;
  }

  /// `result` = sum over the heads of a group of transposed `values` times `queryRows`.
  void reduceHeads(const Tensor &values, const Tensor &right, Uid result) {
    int64_t area = desc.queries * desc.keys;
    Tensor transposed = graph.between({desc.batch, heads, desc.keys, desc.queries},
                                      {heads * area, area, 1, desc.keys}, CUDNN_DATA_BFLOAT16);
    graph.reshape(values, transposed);
    if (desc.group == 1)
      return graph.matmul(transposed, right, keyRows(result));
    Tensor all = graph.between({desc.batch, heads, desc.keys, desc.head_dim}, CUDNN_DATA_BFLOAT16);
    graph.matmul(transposed, right, all);
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, all, keyRows(result));
  }

  Tensor scoreCotangents(const Tensor &dOut, const Tensor &rowSum, const Tensor &weights) {
    Tensor dWeights = graph.between(scores), centered = graph.between(scores),
           weighted = graph.between(scores), scaled = graph.between(scores);
    graph.matmul(dOut, keyColumns(V), dWeights);
    graph.pointwise(CUDNN_POINTWISE_SUB, dWeights, &rowSum, centered);
    graph.pointwise(CUDNN_POINTWISE_MUL, centered, &weights, weighted);
    graph.pointwise(CUDNN_POINTWISE_MUL, weighted, &scale, scaled);
    return scaled;
  }

  void queryCotangents(const Tensor &dScores) {
    int64_t dim = desc.head_dim, count = desc.kv_heads;
    Dims all{desc.batch, heads, desc.queries, dim};
    Tensor rowsOfK =
        graph.between({desc.batch, count, desc.keys, dim},
                      {desc.keys * count * dim, dim, count * dim, 1}, CUDNN_DATA_BFLOAT16);
    Tensor sum = graph.tensor(DQSum, CUDNN_DATA_FLOAT, all,
                              {heads * desc.queries * dim, desc.queries * dim, dim, 1});
    graph.reshape(keys(), rowsOfK);
    graph.matmul(dScores, rowsOfK, sum);
    graph.pointwise(CUDNN_POINTWISE_IDENTITY, sum, nullptr, queryRows(DQ));
  }

  CudnnGraph graph;
  const tpc_attention_desc &desc;
  const int64_t heads;
  const Dims scores, rows;
  const Tensor scale, lowest;
  Tensor columnsOfK{}, out{};
};

CudnnGraph graphOf(const CudnnLibrary &library, const tpc_attention_desc &desc, bool gradient) {
  AttentionGraph graph(library, desc);
  return gradient ? graph.backward() : graph.forward();
}

/// What cuDNN may take to align its part.
constexpr int64_t kCudnnAlignment = 256;

void *address(const void *data) { return const_cast<void *>(data); }
} // namespace

bool cudnnTakes(const tpc_attention_desc &desc) {
  return desc.dtype == TPC_BF16 && desc.head_dim % 8 == 0 && desc.head_dim <= 128 &&
         (!desc.causal || desc.queries == desc.keys);
}

int64_t attentionWorkspaceBytes(const tpc_attention_desc &desc, bool gradient, int architecture) {
  int64_t heads = desc.batch * desc.kv_heads * desc.group, rows = heads * desc.queries;
  if (desc.dtype != TPC_BF16)
    return gradient ? 4 * rows : 0;
  if (!gradient)
    return kCudnnAlignment;
  int64_t bytes = 4 * rows * desc.head_dim + 4 * rows + kCudnnAlignment;
  if (desc.group > 1)
    bytes += 4 * heads * desc.keys * desc.head_dim;
  if (architecture == 80 || architecture == 120)
    bytes += 4 * heads * ((desc.queries + 7) / 8 * 8) * desc.head_dim;
  return bytes;
}

CudnnAttention::CudnnAttention(const CudnnLibrary &library, const tpc_attention_desc &desc,
                               bool gradient, const CudnnTarget &target)
    : desc(desc), gradient(gradient), plan(library, graphOf(library, desc, gradient), target) {}

int64_t CudnnAttention::accumulatorBytes() const {
  return 4 * desc.batch * desc.kv_heads * desc.group * desc.queries * desc.head_dim;
}

int64_t CudnnAttention::ownBytes() const {
  return gradient ? accumulatorBytes() + accumulatorBytes() / desc.head_dim : 0;
}

void CudnnAttention::forward(cudnnHandle_t handle, const char *q, const char *k, const char *v,
                             char *out, char *logSumExp, char *workspace) const {
  float scale = static_cast<float>(desc.scale), lowest = std::numeric_limits<float>::lowest();
  std::vector<int64_t> uids{Q, K, V, Out, Stats, Scale};
  std::vector<void *> addresses{address(q), address(k),         address(v),
                                out,        address(logSumExp), &scale};
  if (desc.causal)
    uids.push_back(Lowest), addresses.push_back(&lowest);
  plan.execute(handle, uids, addresses, workspace);
}

void CudnnAttention::backward(cudnnHandle_t handle, cudaStream_t stream, const char *q,
                              const char *k, const char *v, const char *out, const char *logSumExp,
                              const char *dOut, char *dQ, char *dK, char *dV,
                              char *workspace) const {
  float scale = static_cast<float>(desc.scale), lowest = std::numeric_limits<float>::lowest(),
        one = 1;
  checkCuda(cudaMemsetAsync(workspace, 0, accumulatorBytes(), stream), "cudaMemsetAsync");
  std::vector<int64_t> uids{Q, K, V, Out, Stats, DOut, DQ, DK, DV, DQSum, RowSum, Scale, One};
  std::vector<void *> addresses{address(q),
                                address(k),
                                address(v),
                                address(out),
                                address(logSumExp),
                                address(dOut),
                                dQ,
                                dK,
                                dV,
                                workspace,
                                workspace + accumulatorBytes(),
                                &scale,
                                &one};
  if (desc.causal)
    uids.push_back(Lowest), addresses.push_back(&lowest);
  plan.execute(handle, uids, addresses, workspace + ownBytes());
}

CudnnAttentions::CudnnAttentions(cudaStream_t stream, int architecture)
    : stream(stream), architecture(architecture) {
  library.check(library.create(&handle), "cudnnCreate");
  library.check(library.setStream(handle, stream), "cudnnSetStream");
}

CudnnAttentions::~CudnnAttentions() { library.destroy(handle); }

CudnnAttention &CudnnAttentions::planFor(const tpc_attention_desc &desc, bool gradient) {
  auto &plan = plans[{desc.batch, desc.queries, desc.keys, desc.kv_heads, desc.group, desc.head_dim,
                      desc.causal, desc.scale, gradient}];
  if (plan)
    return *plan;
  plan = std::make_unique<CudnnAttention>(library, desc, gradient, CudnnTarget{handle, ""});
  int64_t planned = attentionWorkspaceBytes(desc, gradient, architecture);
  if (plan->workspaceBytes() > planned)
    throw Error(hostName() + ": attention of cuDNN " + std::to_string(library.getVersion()) +
                " needs " + std::to_string(plan->workspaceBytes()) +
                " bytes of workspace, and the program has planned " + std::to_string(planned) +
                ", as for cuDNN 9.19: install that version, or set TPC_ATTENTION=kernels");
  return *plan;
}

void CudnnAttentions::forward(const tpc_attention_desc &desc, const char *q, const char *k,
                              const char *v, char *out, char *logSumExp, char *workspace) {
  planFor(desc, false).forward(handle, q, k, v, out, logSumExp, workspace);
}

void CudnnAttentions::backward(const tpc_attention_desc &desc, const char *q, const char *k,
                               const char *v, const char *out, const char *logSumExp,
                               const char *dOut, char *dQ, char *dK, char *dV, char *workspace) {
  planFor(desc, true)
      .backward(handle, stream, q, k, v, out, logSumExp, dOut, dQ, dK, dV, workspace);
}

} // namespace tpc::runtime
