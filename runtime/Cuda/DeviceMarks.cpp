#include "Cuda/DeviceMarks.h"

namespace tpc::runtime {
namespace {

class DeviceMark final : public Mark {
public:
  DeviceMark(cudaStream_t stream, std::vector<cudaEvent_t> &idle) : idle(idle) {
    if (idle.empty()) {
      // Who waits sleeps: a core is worth more than microseconds in a step that is long over.
      checkCuda(cudaEventCreateWithFlags(&event, cudaEventBlockingSync), "cudaEventCreate");
    } else {
      event = idle.back();
      idle.pop_back();
    }
    checkCuda(cudaEventRecord(event, stream), "cudaEventRecord");
  }
  ~DeviceMark() override { idle.push_back(event); }

  void wait() override { checkCuda(cudaEventSynchronize(event), "work given to the GPU"); }
  double secondsSince(const Mark &earlier) const override {
    float milliseconds = 0;
    checkCuda(
        cudaEventElapsedTime(&milliseconds, static_cast<const DeviceMark &>(earlier).event, event),
        "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) / 1000;
  }

private:
  std::vector<cudaEvent_t> &idle;
  cudaEvent_t event = nullptr;
};

} // namespace

DeviceMarks::~DeviceMarks() {
  for (cudaEvent_t event : idle)
    cudaEventDestroy(event);
}

std::unique_ptr<Mark> DeviceMarks::make() { return std::make_unique<DeviceMark>(stream, idle); }

} // namespace tpc::runtime
