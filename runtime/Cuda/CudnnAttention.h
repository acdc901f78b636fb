// Attention by cuDNN's fused engines: bf16, causal or full, grouped key/value heads.
#ifndef TPC_RUNTIME_CUDA_CUDNNATTENTION_H
#define TPC_RUNTIME_CUDA_CUDNNATTENTION_H

#include "Cuda/CudnnGraph.h"
#include "tpc_runtime.h"
#include <map>
#include <tuple>

namespace tpc::runtime {

/// Whether cuDNN is asked at all: bf16, as many keys as queries if causal, heads of up to 128
/// elements in steps of 8. The kernels of AttentionKernels.h take the rest.
bool cudnnTakes(const tpc_attention_desc &desc);

/// Bytes of workspace that the compiler plans for attention on `architecture` (90 for sm_90): of
/// bf16 what cuDNN 9.19 asks for, of f32 what the kernels do. The compiler knows the same formula.
/// Backward, with r rows of queries: dQ in f32 and a sum for each row, 4 r d + 4 r; where heads
/// share keys, dK and dV of every head before they are added, 4 r d; on sm_80 and sm_120 a second
/// dQ.
int64_t attentionWorkspaceBytes(const tpc_attention_desc &desc, bool gradient, int architecture);

/// Forward or backward attention of one shape. Operands lie as in tpc_runtime.h, which cuDNN is
/// told by strides; log_sum_exp is what it calls statistics.
class CudnnAttention {
public:
  CudnnAttention(const CudnnLibrary &library, const tpc_attention_desc &desc, bool gradient,
                 const CudnnTarget &target);

  /// Bytes of workspace, ours for sums between kernels included.
  int64_t workspaceBytes() const { return ownBytes() + plan.workspaceBytes(); }

  void forward(cudnnHandle_t handle, const char *q, const char *k, const char *v, char *out,
               char *logSumExp, char *workspace) const;
  /// `stream` is that of `handle`.
  void backward(cudnnHandle_t handle, cudaStream_t stream, const char *q, const char *k,
                const char *v, const char *out, const char *logSumExp, const char *dOut, char *dQ,
                char *dK, char *dV, char *workspace) const;

private:
  /// Of the gradient: dQ accumulated in f32, then a sum for each query row.
  int64_t ownBytes() const;
  int64_t accumulatorBytes() const;

  const tpc_attention_desc desc;
  const bool gradient;
  const CudnnPlan plan;
};

/// The plans of a rank, made when a shape first occurs.
class CudnnAttentions {
public:
  /// The library is opened now; throws Error if it is not there. `stream` is the rank's.
  /// `architecture`: that of the program, 90 for sm_90.
  CudnnAttentions(cudaStream_t stream, int architecture);
  ~CudnnAttentions();

  void forward(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
               char *out, char *logSumExp, char *workspace);
  void backward(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                const char *out, const char *logSumExp, const char *dOut, char *dQ, char *dK,
                char *dV, char *workspace);

private:
  using Key =
      std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, double, bool>;
  CudnnAttention &planFor(const tpc_attention_desc &desc, bool gradient);

  const CudnnLibrary library;
  const cudaStream_t stream;
  const int architecture;
  cudnnHandle_t handle = nullptr;
  std::map<Key, std::unique_ptr<CudnnAttention>> plans;
};

} // namespace tpc::runtime

#endif
