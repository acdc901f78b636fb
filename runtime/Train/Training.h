// What a connected rank does: train, or run forward.
#ifndef TPC_RUNTIME_TRAIN_TRAINING_H
#define TPC_RUNTIME_TRAIN_TRAINING_H

#include "Train/Options.h"
#include "Train/Program.h"

namespace tpc::runtime {

/// Weights, training loop, checkpoints, exports. Rank 0 reports on standard output. `peak`: the
/// floating-point operations per second that utilization is measured by, see measurePeak(); needed
/// if there are steps to do. Throws Error.
void train(Program &program, const Options &options, double peak);

/// Runs the entry `forward` on batch 0 of the data and writes the logits. Throws Error.
void runForward(Program &program, const Options &options);

/// Runs the entry --entry on the tensors of --inputs, named as in the manifest, and writes its
/// results to --outputs. Throws Error.
void runEntry(Program &program, const Options &options);

/// Reads weights from a Hugging Face folder, a checkpoint, or the last checkpoint of a --save
/// folder.
void loadWeights(Program &program, const std::string &folder);

} // namespace tpc::runtime

#endif
