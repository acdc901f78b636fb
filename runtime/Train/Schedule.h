// The learning rate as a function of the step.
#ifndef TPC_RUNTIME_TRAIN_SCHEDULE_H
#define TPC_RUNTIME_TRAIN_SCHEDULE_H

#include <cstdint>

namespace tpc::runtime {

/// From a tenth of `highest` linearly to `highest` over `warmup` steps, then along a cosine to
/// `lowest` at step `decaySteps`, where it stays.
struct Schedule {
  double highest = 1e-3, lowest = 0;
  int64_t warmup = 0, decaySteps = 1;

  /// The rate of step `step`, counted from 0.
  double rate(int64_t step) const;
};

} // namespace tpc::runtime

#endif
