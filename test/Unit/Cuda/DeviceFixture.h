// A GPU of the stand-ins of test/Fake as a device.
#ifndef TPC_TEST_UNIT_CUDA_DEVICEFIXTURE_H
#define TPC_TEST_UNIT_CUDA_DEVICEFIXTURE_H

#include "Cuda/CudaDevice.h"
#include "Fake/FakeCudaDevice.h"
#include "Unit/RuntimeContext.h"
#include "Unit/TemporaryFolder.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace tpc::runtime {

/// Its work is late, its memory full of NaN, its products are those of the definition.
class CudaDeviceTest : public testing::Test {
protected:
  CudaDeviceTest() {
    setenv("TPC_CUBLASLT_LIBRARY", FAKE_CUBLASLT, 1);
    setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
    test::fakeMachine() = {};
    test::fakeLaunches().clear();
  }
  ~CudaDeviceTest() override {
    for (const char *name : {"FAKE_CUBLASLT_VERSION", "FAKE_CUBLASLT_FULL", "FAKE_CUDNN_VERSION",
                             "FAKE_CUDNN_FULL", "TPC_ATTENTION", "TPC_CUDNN_LIBRARY"})
      unsetenv(name);
  }

  std::string failureOf(DeviceOptions options) {
    try {
      openCudaDevice(options);
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  }
  /// A context whose device is the stand-in's GPU.
  std::unique_ptr<tpc_context> makeContext() {
    auto context = test::makeContext();
    context->device = openCudaDevice(options);
    workspace = context->device->allocate(1 << 16);
    context->device->useWorkspace(*context, workspace.get(), 1 << 16);
    return context;
  }
  template <typename T>
  std::shared_ptr<char> put(tpc_context &context, const std::vector<T> &values) {
    auto memory = context.device->allocate(values.size() * sizeof(T));
    context.device->copyFromHost(memory.get(), values.data(), values.size() * sizeof(T));
    return memory;
  }
  template <typename T>
  std::vector<T> get(tpc_context &context, const std::shared_ptr<char> &memory, size_t count) {
    std::vector<T> values(count);
    context.device->copyToHost(values.data(), memory.get(), count * sizeof(T));
    return values;
  }

  test::TemporaryFolder folder;
  DeviceOptions options = [] {
    DeviceOptions some;
    some.arch = "sm_90", some.arenaBytes = 1 << 30, some.batch = 8;
    some.memory = {{"parameters", 1 << 28}, {"activations", 3 << 28}};
    return some;
  }();
  std::shared_ptr<char> workspace;
};

/// Small multiples of 1/4: products and sums are exact in every type.
inline std::vector<float> quarters(size_t count, int seed) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] =
        static_cast<float>(static_cast<int>((i * 7 + static_cast<size_t>(seed)) % 9) - 4) / 4;
  return values;
}

} // namespace tpc::runtime

#endif
