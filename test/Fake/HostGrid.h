// Kernels written by hand, compiled for the processor: a .cu file with this header in front of it
// is C++. A block's threads are fibers that take turns at barriers and shuffles; blocks run one
// after the other, on the stream they were given to.
#ifndef TPC_TEST_FAKE_HOSTGRID_H
#define TPC_TEST_FAKE_HOSTGRID_H

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <functional>
#include <tuple>
#include <vector>

#undef __shared__
#undef __align__
#undef __launch_bounds__
#define __shared__ static thread_local
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)

namespace tpc::test {

struct GridIndex {
  unsigned x = 0, y = 0, z = 0;
};

/// As in FakeCudaDevice.h.
cudaError_t giveTo(cudaStream_t stream, std::function<void()> task);

/// Runs `thread` as every thread of every block. It must not throw.
void runGrid(int64_t blocks, int threads, const std::function<void()> &thread);

/// Of the fiber that runs; meaningful inside runGrid.
GridIndex &currentThread();
GridIndex &currentBlock();
void blockBarrier();
/// `value` of the thread whose number in the warp differs in the bits of `mask`.
float shuffleXor(float value, int mask);

} // namespace tpc::test

#define threadIdx (::tpc::test::currentThread())
#define blockIdx (::tpc::test::currentBlock())
inline void __syncthreads() { ::tpc::test::blockBarrier(); }
inline float __shfl_xor_sync(unsigned, float value, int mask) {
  return ::tpc::test::shuffleXor(value, mask);
}

namespace tpc::runtime {

template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, cudaStream_t stream,
            Arguments... arguments) {
  ::tpc::test::giveTo(stream, [=, packed = std::tuple<Parameters...>(arguments...)] {
    ::tpc::test::runGrid(blocks, threads, [&] { std::apply(kernel, packed); });
  });
}

} // namespace tpc::runtime

#endif
