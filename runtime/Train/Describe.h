// `--describe`: what a compiled program is, for people.
#ifndef TPC_RUNTIME_TRAIN_DESCRIBE_H
#define TPC_RUNTIME_TRAIN_DESCRIBE_H

#include "Train/Manifest.h"
#include <string>

namespace tpc::runtime {

/// Mesh, parameters with shapes and layouts, inputs of the entries, the arena of a run with
/// `threads` threads per rank at its peak by category, collectives by kind. All sizes are per rank.
std::string describe(const Manifest &manifest, int threads);

} // namespace tpc::runtime

#endif
