// How kernels written by hand are launched. Tests compile the same files for the processor, where
// test/Fake/HostGrid.h gives launch(), threadIdx and what else nvcc provides here.
#ifndef TPC_RUNTIME_CUDA_LAUNCH_CUH
#define TPC_RUNTIME_CUDA_LAUNCH_CUH

#include "Cuda/CudaError.h"

#ifdef __CUDACC__
namespace tpc::runtime {

/// Gives `stream` a kernel on `blocks` blocks of `threads` threads.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks, int threads, cudaStream_t stream,
            Arguments... arguments) {
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0, stream>>>(
      arguments...);
  checkCuda(cudaGetLastError(), "a kernel launch");
}

} // namespace tpc::runtime
#endif

#endif
