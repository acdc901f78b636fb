//===- RopeFrequencies.cpp - angles per position -------------------------------===//

#include "tpc/Frontend/LlamaConfig.h"
#include <cmath>

using namespace tpc;

/// Llama 3.1's extension of the context: long wavelengths are stretched by `factor`, short ones are
/// kept, those between are blended.
static double stretch(const RopeConfig &rope, double frequency) {
  double wavelength = 2.0 * M_PI / frequency;
  if (wavelength > rope.originalLength / rope.lowFrequencyFactor)
    return frequency / rope.factor;
  if (wavelength < rope.originalLength / rope.highFrequencyFactor)
    return frequency;
  double smooth = (rope.originalLength / wavelength - rope.lowFrequencyFactor) /
                  (rope.highFrequencyFactor - rope.lowFrequencyFactor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

llvm::SmallVector<double> tpc::getRopeFrequencies(const RopeConfig &rope, int64_t headDim) {
  llvm::SmallVector<double> frequencies;
  for (int64_t pair = 0; pair < headDim / 2; ++pair) {
    double frequency = std::pow(rope.theta, -2.0 * pair / headDim);
    if (rope.type == RopeType::Linear)
      frequency /= rope.factor;
    else if (rope.type == RopeType::Llama3)
      frequency = stretch(rope, frequency);
    frequencies.push_back(frequency);
  }
  return frequencies;
}
