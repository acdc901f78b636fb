// Moments of a stream's work that keep their time.
#ifndef TPC_RUNTIME_CUDA_DEVICEMARKS_H
#define TPC_RUNTIME_CUDA_DEVICEMARKS_H

#include "Cuda/CudaError.h"
#include "tpc/runtime/Device.h"

namespace tpc::runtime {

/// Makes marks of one stream; their events are used again when they go. It outlives them.
class DeviceMarks {
public:
  explicit DeviceMarks(cudaStream_t stream) : stream(stream) {}
  ~DeviceMarks();
  DeviceMarks(const DeviceMarks &) = delete;
  DeviceMarks &operator=(const DeviceMarks &) = delete;

  std::unique_ptr<Mark> make();

private:
  const cudaStream_t stream;
  std::vector<cudaEvent_t> idle;
};

} // namespace tpc::runtime

#endif
