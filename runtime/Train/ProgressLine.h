// One line about a training run that fits a terminal.
#ifndef TPC_RUNTIME_TRAIN_PROGRESSLINE_H
#define TPC_RUNTIME_TRAIN_PROGRESSLINE_H

#include "Train/Metrics.h"
#include <cstddef>
#include <string>

namespace tpc::runtime {

/// Where a run stands: steps done and to do, and the seconds that the rest will take.
struct StepsLeft {
  int64_t done, all;
  double seconds;
};

/// Step, bar, loss, rate and what else fits into `width` characters: the least important parts are
/// left out first, whole. `last` is the number of the last step. Without `bar`, and as wide as it
/// gets, for output that is no terminal.
std::string progressLine(const StepMetrics &metrics, int64_t last, const StepsLeft &left, bool bar,
                         size_t width);

/// Columns of the terminal that standard output is; else COLUMNS, else 80.
size_t terminalWidth();

} // namespace tpc::runtime

#endif
