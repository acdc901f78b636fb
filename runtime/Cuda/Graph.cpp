#include "Cuda/Graph.h"

namespace tpc::runtime {

void Graph::begin(cudaStream_t stream) {
  checkCuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
            "cudaStreamBeginCapture");
}

Graph::Graph(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  checkCuda(cudaStreamEndCapture(stream, &graph), "recording a step as a CUDA graph");
  cudaError_t code = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  checkCuda(code, "cudaGraphInstantiate");
}

Graph::~Graph() { cudaGraphExecDestroy(executable); }

void Graph::launch(cudaStream_t stream) const {
  checkCuda(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
}

} // namespace tpc::runtime
