// What a training step reports, and where to.
#ifndef TPC_RUNTIME_TRAIN_METRICS_H
#define TPC_RUNTIME_TRAIN_METRICS_H

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace tpc::runtime {

struct StepMetrics {
  int64_t step = 0; ///< counted from 1
  double loss = 0, learningRate = 0, gradientNorm = 0;
  double tokensPerSecond = 0, mfu = 0; ///< mfu: of all ranks' measured peak, 0 to 1
  double seconds = 0;
  std::optional<double> communicationSeconds = 0; ///< none where it was not timed
  uint64_t memoryBytes = 0;                       ///< this rank's arena, touched so far
  int64_t epoch = 0;
};

/// One line of JSON, numbers with all their digits; null for what is not known.
std::string toJson(const StepMetrics &metrics);

/// Appends lines to a file; each is complete once written. Does nothing without a path.
class MetricsFile {
public:
  /// Keeps the lines of an earlier run up to step `keep`, none if that is 0. Throws Error, also for
  /// a file that is there and holds no metrics.
  MetricsFile(const std::string &path, int64_t keep);
  ~MetricsFile();
  MetricsFile(const MetricsFile &) = delete;
  MetricsFile &operator=(const MetricsFile &) = delete;
  void write(const StepMetrics &metrics);
  /// The loss on held-out data after `step` steps: a line of its own.
  void writeValidation(int64_t step, double loss);

private:
  void writeLine(const std::string &line);
  std::string path;
  std::FILE *file = nullptr;
};

/// A bar that renews itself on a terminal, a line now and then elsewhere. One rank owns it.
class ProgressBar {
public:
  ProgressBar(int64_t first, int64_t last, bool quiet);
  ~ProgressBar();
  void show(const StepMetrics &metrics);

private:
  void showLine(const std::string &text, bool lastStep);
  int64_t first, last;
  bool quiet, terminal, open = false;
  double begin, shown = 0;
};

/// Seconds of a steady clock.
double now();

} // namespace tpc::runtime

#endif
