// Boxes of row-major tensors copied within a device's memory.
#ifndef TPC_RUNTIME_CUDA_BOXCOPY_H
#define TPC_RUNTIME_CUDA_BOXCOPY_H

#include "Comm/StridedRuns.h"
#include <cstddef>
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Gives `stream` the copies of a box of shape `sizes`, one for each plane of equally spaced rows.
/// Source and target are disjoint or the same.
void copyBox(const std::vector<int64_t> &sizes, size_t elementBytes, const char *source,
             const BoxPlace &from, char *target, const BoxPlace &to, cudaStream_t stream);

/// Nothing if source and target are the same.
void copyBytes(char *target, const char *source, size_t bytes, cudaStream_t stream);

} // namespace tpc::runtime

#endif
