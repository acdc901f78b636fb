// What the processor can do, as the denominator of the model FLOP utilization.
#ifndef TPC_RUNTIME_TRAIN_PEAK_H
#define TPC_RUNTIME_TRAIN_PEAK_H

#include "tpc/runtime/Context.h"

namespace tpc::runtime {

/// The shape that measurePeak multiplies, for reports.
inline constexpr const char *peakName = "f32 matmul 512x1024x1024";

/// Floating-point operations per second of all ranks together: each times the same matmul on its
/// threads at the same time, the best of a few.
double measurePeak(tpc_context &context);

} // namespace tpc::runtime

#endif
