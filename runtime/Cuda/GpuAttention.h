// Attention on a GPU, by cuDNN or by kernels of our own.
#ifndef TPC_RUNTIME_CUDA_GPUATTENTION_H
#define TPC_RUNTIME_CUDA_GPUATTENTION_H

#include "Cuda/CudnnAttention.h"
#include <optional>

namespace tpc::runtime {

/// One rank's. What cudnnTakes() is cuDNN's, opened when it first occurs, unless the variable
/// TPC_ATTENTION is "kernels" or the same bits are wanted in every run (cuDNN's gradient adds in
/// the order in which blocks end): our own are slower. Workspace as attentionWorkspaceBytes() says.
class GpuAttention {
public:
  /// `stream` is the rank's, `architecture` the program's (90 for sm_90). Throws Error if
  /// TPC_ATTENTION is neither "cudnn" nor "kernels".
  GpuAttention(cudaStream_t stream, int architecture, bool deterministic);

  /// Opens cuDNN if causal bf16 attention with heads of this length is its. Throws Error naming
  /// what is missing and the remedy.
  void openLibrary(int64_t headLength);

  void forward(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
               char *out, char *logSumExp, char *workspace);
  void backward(const tpc_attention_desc &desc, const char *q, const char *k, const char *v,
                const char *out, const char *logSumExp, const char *dOut, char *dQ, char *dK,
                char *dV, char *workspace);

private:
  /// Null where the kernels do it.
  CudnnAttentions *cudnnFor(const tpc_attention_desc &desc);

  const cudaStream_t stream;
  const int architecture;
  bool kernelsOnly = false;
  std::optional<CudnnAttentions> cudnn;
};

} // namespace tpc::runtime

#endif
