// Small pieces of host data on their way to the GPU.
#ifndef TPC_RUNTIME_CUDA_STAGING_H
#define TPC_RUNTIME_CUDA_STAGING_H

#include "Cuda/Stream.h"

namespace tpc::runtime {

/// A ring of pinned memory. What is put there is copied by the GPU when its turn comes, so that the
/// host neither waits nor keeps the source; only when the ring is full it waits for the GPU.
class Staging {
public:
  static constexpr size_t capacity = size_t(4) << 20;

  explicit Staging(cudaStream_t stream);
  ~Staging();
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;

  /// Gives the stream a copy of host memory, which may change when this returns.
  void copy(char *to, const void *from, size_t bytes);

private:
  cudaStream_t stream;
  char *ring = nullptr;
  size_t used = 0;
};

} // namespace tpc::runtime

#endif
