// What the processor can do, as the denominator of the model FLOP utilization.
#ifndef TPC_RUNTIME_TRAIN_PEAK_H
#define TPC_RUNTIME_TRAIN_PEAK_H

#include "tpc/runtime/Context.h"
#include <string>

namespace tpc::runtime {

/// What measurePeak times, for reports.
inline std::string peakName(const Device &device, bool bf16) {
  return std::string(bf16 ? "best bf16" : "best f32") + " matmul, " +
         (device.isHost() ? "512x512x512 per thread" : "8192x8192x8192");
}

/// Floating-point operations per second of all ranks together: each times that product on all its
/// threads at the same time as the others, the best of some dozens. Takes some 0.2 seconds.
double measurePeak(tpc_context &context, bool bf16);

} // namespace tpc::runtime

#endif
