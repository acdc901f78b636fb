// Work of a stream as a graph, given with one call.
#ifndef TPC_RUNTIME_CUDA_GRAPH_H
#define TPC_RUNTIME_CUDA_GRAPH_H

#include "Cuda/CudaError.h"
#include "tpc/runtime/Device.h"

namespace tpc::runtime {

class Graph final : public Recording {
public:
  /// From now on what the calling thread gives to `stream`, and to streams that wait for it, is
  /// recorded; other threads may ask for events meanwhile, as a watchdog does.
  static void begin(cudaStream_t stream);
  /// Ends it. Throws Error if something was done that cannot be recorded, or if work of another
  /// stream was not waited for.
  explicit Graph(cudaStream_t stream);
  ~Graph() override;

  void launch(cudaStream_t stream) const;

private:
  cudaGraphExec_t executable = nullptr;
};

} // namespace tpc::runtime

#endif
