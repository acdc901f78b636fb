#include "Cuda/GpuAttention.h"
#include "Cuda/AttentionKernels.h"
#include "tpc/runtime/Error.h"
#include <cstdlib>

namespace tpc::runtime {

GpuAttention::GpuAttention(cudaStream_t stream, int architecture, bool deterministic)
    : stream(stream), architecture(architecture) {
  const char *chosen = std::getenv("TPC_ATTENTION");
  std::string text = chosen ? chosen : "cudnn";
  if (text != "cudnn" && text != "kernels")
    throw Error("TPC_ATTENTION must be cudnn or kernels, got '" + text + "'");
  kernelsOnly = deterministic || text == "kernels";
}

void GpuAttention::openLibrary(int64_t headLength) {
  cudnnFor({TPC_BF16, 1, 1, 1, 1, 1, headLength, /*causal=*/1, 1});
}

CudnnAttentions *GpuAttention::cudnnFor(const tpc_attention_desc &desc) {
  if (kernelsOnly || !cudnnTakes(desc))
    return nullptr;
  if (!cudnn)
    cudnn.emplace(stream, architecture);
  return &*cudnn;
}

void GpuAttention::forward(const tpc_attention_desc &desc, const char *q, const char *k,
                           const char *v, char *out, char *logSumExp, char *workspace) {
  if (CudnnAttentions *library = cudnnFor(desc))
    return library->forward(desc, q, k, v, out, logSumExp, workspace);
  giveAttention(desc, q, k, v, out, logSumExp, stream);
}

void GpuAttention::backward(const tpc_attention_desc &desc, const char *q, const char *k,
                            const char *v, const char *out, const char *logSumExp, const char *dOut,
                            char *dQ, char *dK, char *dV, char *workspace) {
  if (CudnnAttentions *library = cudnnFor(desc))
    return library->backward(desc, q, k, v, out, logSumExp, dOut, dQ, dK, dV, workspace);
  giveAttentionGrad(desc, q, k, v, out, logSumExp, dOut, dQ, dK, dV, workspace, stream);
}

} // namespace tpc::runtime
