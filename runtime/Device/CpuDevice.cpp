#include "Device/CpuDevice.h"
#include "Device/Threads.h"
#include "Kernels/ContractCache.h"
#include "Kernels/Gemm.h"
#include "Memory/Arena.h"
#include "tpc/runtime/Context.h"

#include <chrono>
#include <cstring>

namespace tpc::runtime {

CpuDevice::CpuDevice() = default;
CpuDevice::~CpuDevice() = default;

std::unique_ptr<Device> createCpuDevice() { return std::make_unique<CpuDevice>(); }

void CpuDevice::warmUp() { generateGemmCode(); }

std::shared_ptr<char> CpuDevice::allocate(uint64_t bytes) {
  auto region = std::make_shared<PrivateRegion>(bytes);
  return {region, region->data()};
}

uint64_t CpuDevice::touchedBytes(const char *data, uint64_t bytes) const {
  return residentBytes(data, bytes);
}

void CpuDevice::useWorkspace(tpc_context &context, char *workspace, uint64_t bytes) {
  parallelFor(context.threads, context.threads, 1, [&](int64_t begin, int64_t end) {
    std::memset(workspace + static_cast<uint64_t>(begin) * bytes, 0,
                static_cast<uint64_t>(end - begin) * bytes);
  });
}

namespace {
/// Work is done when it was given.
class HostMark final : public Mark {
public:
  void wait() override {}
  double secondsSince(const Mark &earlier) const override {
    return std::chrono::duration<double>(time - static_cast<const HostMark &>(earlier).time)
        .count();
  }

private:
  const std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
};
} // namespace

std::unique_ptr<Mark> CpuDevice::mark() { return std::make_unique<HostMark>(); }

std::shared_ptr<char> CpuDevice::allocateHost(uint64_t bytes) {
  return {new char[bytes](), std::default_delete<char[]>()};
}

void CpuDevice::copyFromHost(char *to, const void *from, uint64_t bytes) {
  std::memcpy(to, from, bytes);
}

void CpuDevice::copyToHost(void *to, const char *from, uint64_t bytes) {
  std::memcpy(to, from, bytes);
}

void CpuDevice::copy(char *to, const char *from, uint64_t bytes) { std::memmove(to, from, bytes); }

void CpuDevice::fillZero(char *to, uint64_t bytes) { std::memset(to, 0, bytes); }

void CpuDevice::launch(tpc_context &, const tpc_device_kernel_desc &kernel, char *const *) {
  throw Error(std::string("kernel ") + kernel.name + " is for a GPU: compile with --target=cpu");
}

} // namespace tpc::runtime

static std::unique_ptr<tpc::runtime::Device> openCpu(const tpc::runtime::DeviceOptions &) {
  return tpc::runtime::createCpuDevice();
}

extern "C" const tpc_backend tpc_cpu_backend = {openCpu, nullptr};
