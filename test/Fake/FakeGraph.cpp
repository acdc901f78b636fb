// Graphs of CUDA's runtime library: work given to streams is kept instead of done, and done as
// often as the graph is launched. What CUDA forbids meanwhile is an error here.
#include "FakeCudaDevice.h"
#include "FakeStream.h"

#include <algorithm>

using namespace tpc::test;

void CUgraph_st::run(std::minstd_rand &random) const {
  std::set<size_t> done;
  while (done.size() < nodes.size()) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size() && ready.size() < 4; ++i)
      if (!done.count(i) &&
          std::includes(done.begin(), done.end(), nodes[i].after.begin(), nodes[i].after.end()))
        ready.push_back(i);
    size_t next = ready[random() % ready.size()];
    nodes[next].work();
    done.insert(next);
  }
}

bool CUgraph_st::isJoinedBy(const std::set<size_t> &ends) const {
  std::set<size_t> before = ends;
  std::vector<size_t> left(ends.begin(), ends.end());
  while (!left.empty()) {
    size_t node = left.back();
    left.pop_back();
    for (size_t earlier : nodes[node].after)
      if (before.insert(earlier).second)
        left.push_back(earlier);
  }
  return before.size() == nodes.size();
}

std::shared_ptr<Capture> &tpc::test::captureOfThread() {
  static thread_local std::shared_ptr<Capture> capture;
  return capture;
}

cudaError_t tpc::test::forbidInCapture() {
  if (!captureOfThread())
    return cudaSuccess;
  captureOfThread()->invalid = true;
  return cudaErrorStreamCaptureUnsupported;
}

extern "C" {
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  *status = !stream->capture           ? cudaStreamCaptureStatusNone
            : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (stream->capture || captureOfThread() || mode != cudaStreamCaptureModeThreadLocal)
    return cudaErrorIllegalState; // the stand-in knows this mode only
  stream->capture = captureOfThread() = std::make_shared<Capture>();
  stream->capture->origin = stream;
  stream->capture->ends[stream] = {};
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  std::shared_ptr<Capture> capture = std::move(captureOfThread());
  captureOfThread() = nullptr;
  *graph = nullptr;
  if (!capture || capture->origin != stream)
    return cudaErrorStreamCaptureUnmatched;
  for (auto &[member, ends] : capture->ends)
    member->capture = nullptr;
  if (capture->invalid)
    return cudaErrorStreamCaptureInvalidated;
  if (!capture->graph.isJoinedBy(capture->ends[stream]))
    return cudaErrorStreamCaptureUnjoined;
  *graph = new CUgraph_st(std::move(capture->graph));
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph,
                                 unsigned long long) {
  return *executable = new CUgraphExec_st{*graph}, cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return delete executable, cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  ++fakeGraphLaunches();
  return giveTo(stream, [graph = executable->graph] {
    static thread_local std::minstd_rand random(7);
    graph.run(random);
  });
}
} // extern "C"
