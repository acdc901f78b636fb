// Element-wise reduction of several buffers on a device.
#ifndef TPC_RUNTIME_CUDA_REDUCEKERNEL_H
#define TPC_RUNTIME_CUDA_REDUCEKERNEL_H

#include "Comm/StridedRuns.h"
#include "tpc/runtime/Collective.h"
#include <cuda_runtime_api.h>

namespace tpc::runtime {

/// Most buffers of one reduction.
constexpr size_t kMostSources = 16;

/// Gives `stream` the reduction of `sources` into `target` over the runs of `plane` (its source
/// offsets and pitch are those of every source). The arithmetic of reduceInto: in order, one
/// rounding per step, bf16 accumulated in f32. Throws Error for more than kMostSources and for i1.
void giveReduction(tpc_dtype dtype, Reduction reduction, const std::vector<const char *> &sources,
                   char *target, const RunPlane &plane, cudaStream_t stream);

} // namespace tpc::runtime

#endif
