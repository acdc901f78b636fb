// Kernels that the compiler made, run by test/Emulator.
#ifndef TPC_TEST_FAKE_EMULATEDKERNELS_H
#define TPC_TEST_FAKE_EMULATEDKERNELS_H

namespace tpc::test {

/// The bodies of all kernels: a handle of dlopen.
void takeKernelsFrom(void *object);

} // namespace tpc::test

#endif
