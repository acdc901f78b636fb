// What tests can make of the stand-in's GPU.
#ifndef TPC_TEST_FAKE_FAKECUDADEVICE_H
#define TPC_TEST_FAKE_FAKECUDADEVICE_H

#include <cstddef>
#include <cuda_runtime_api.h>
#include <functional>
#include <string>
#include <vector>

namespace tpc::test {

/// The machine that the stand-in pretends to be; a driver of 0 is none. TPC_FAKE_CUDA_DEVICES is
/// the number of devices that a process begins with.
struct FakeMachine {
  int devices = 1, driver = 13000, arch = 90;
  size_t freeBytes = size_t(1) << 36, totalBytes = size_t(1) << 36;
  size_t largestAllocation = size_t(1) << 36;
};
FakeMachine &fakeMachine();

/// "Device code" of the stand-in: functions of this process, the last one without a name.
struct FakeKernel {
  const char *name;
  int arguments;
  void (*function)(char *const *arguments);
};

/// Names of the kernels that were launched, with their grids: "double <<<2, 256, 0>>>".
std::vector<std::string> &fakeLaunches();
/// Priorities of the streams that were made, 0 the lowest and -5 the highest.
std::vector<int> &fakeStreamPriorities();
/// How often a graph was launched.
int &fakeGraphLaunches();

/// Gives a stream work of a stand-in; a capture keeps it, and it is done as often as the graph is
/// launched.
cudaError_t giveTo(cudaStream_t stream, std::function<void()> task);

} // namespace tpc::test

#endif
