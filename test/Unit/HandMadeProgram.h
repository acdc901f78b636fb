// A program such as the compiler emits, small enough to write by hand: one table split by rows over
// the ranks of `tp`, one replicated vector, and a loss whose gradients need an all-reduce.
//
//   loss = mean over valid (token i, target t) of 1/2 |table[i] - t / 16 * scale|^2
//
// The optimizer is momentum: exp_avg = beta1 * exp_avg + gradient, parameter -= lr * exp_avg.
#ifndef TPC_TEST_UNIT_HANDMADEPROGRAM_H
#define TPC_TEST_UNIT_HANDMADEPROGRAM_H

#include "tpc_runtime.h"
#include <string>

namespace tpc::test {

constexpr int64_t handVocabulary = 16, handWidth = 4, handBatch = 2, handSequence = 4;

/// The manifest for `tp` ranks; `width` is a lie for tests of other models' checkpoints.
std::string handMadeManifest(int64_t tp, const std::string &mode = "train",
                             int64_t width = handWidth);

/// The entries init, step, loss and forward.
const tpc_entry_point *handMadeEntries();
constexpr int64_t handMadeEntryCount = 4;

} // namespace tpc::test

#endif
