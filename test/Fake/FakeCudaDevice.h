// What tests can make of the stand-in's GPU.
#ifndef TPC_TEST_FAKE_FAKECUDADEVICE_H
#define TPC_TEST_FAKE_FAKECUDADEVICE_H

#include <cstddef>
#include <string>
#include <vector>

namespace tpc::test {

/// The machine that the stand-in pretends to be; a driver of 0 is none. TPC_FAKE_CUDA_DEVICES is
/// the number of devices that a process begins with.
struct FakeMachine {
  int devices = 1, driver = 13000, arch = 90;
  size_t freeBytes = size_t(1) << 36, totalBytes = size_t(1) << 36;
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

} // namespace tpc::test

#endif
