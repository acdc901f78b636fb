// What the processor can do, as the denominator of the model FLOP utilization.
#ifndef TPC_RUNTIME_TRAIN_PEAK_H
#define TPC_RUNTIME_TRAIN_PEAK_H

#include "tpc/runtime/Context.h"

namespace tpc::runtime {

/// What measurePeak times, for reports.
inline const char *peakName(bool bf16) {
  return bf16 ? "bf16 matmul, 1024x1024x1024 per thread" : "f32 matmul, 1024x1024x1024 per thread";
}

/// Floating-point operations per second of all ranks together: each times that product on all its
/// threads at the same time as the others, the best of up to eight. Takes some 0.2 seconds.
double measurePeak(tpc_context &context, bool bf16);

} // namespace tpc::runtime

#endif
