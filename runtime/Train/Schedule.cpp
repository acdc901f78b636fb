#include "Train/Schedule.h"

#include <cmath>

namespace tpc::runtime {

double Schedule::rate(int64_t step) const {
  if (step < warmup)
    return highest * (0.1 + 0.9 * static_cast<double>(step) / static_cast<double>(warmup));
  if (step >= decaySteps)
    return lowest;
  double part = static_cast<double>(step - warmup) / static_cast<double>(decaySteps - warmup);
  return lowest + (highest - lowest) * 0.5 * (1 + std::cos(3.14159265358979323846 * part));
}

} // namespace tpc::runtime
