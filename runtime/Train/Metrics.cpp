#include "Train/Metrics.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace tpc::runtime {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string toJson(const StepMetrics &metrics) {
  return nlohmann::ordered_json({{"step", metrics.step},
                                 {"loss", metrics.loss},
                                 {"lr", metrics.learningRate},
                                 {"grad_norm", metrics.gradientNorm},
                                 {"tokens_per_s", metrics.tokensPerSecond},
                                 {"mfu", metrics.mfu},
                                 {"seconds", metrics.seconds},
                                 {"communication_seconds", metrics.communicationSeconds},
                                 {"memory_bytes", metrics.memoryBytes},
                                 {"epoch", metrics.epoch}})
      .dump();
}

/// The lines of an earlier run up to step `keep`: a run that goes on from a checkpoint may have
/// gone further before it ended.
static std::string earlierLines(const std::string &path, int64_t keep) {
  std::string kept;
  std::ifstream earlier(path);
  for (std::string line; keep > 0 && std::getline(earlier, line);) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("step") && json["step"].is_number() &&
        json["step"].get<int64_t>() <= keep)
      kept += line + "\n";
  }
  return kept;
}

MetricsFile::MetricsFile(const std::string &path, int64_t keep) : path(path) {
  if (path.empty())
    return;
  std::string kept = earlierLines(path, keep);
  file = std::fopen(path.c_str(), "w");
  if (!file)
    throw Error("cannot write " + path + ": " + std::strerror(errno));
  writeLine(kept);
}

MetricsFile::~MetricsFile() {
  if (file)
    std::fclose(file);
}

void MetricsFile::write(const StepMetrics &metrics) { writeLine(toJson(metrics) + "\n"); }

void MetricsFile::writeValidation(int64_t step, double loss) {
  writeLine(nlohmann::ordered_json({{"step", step}, {"validation_loss", loss}}).dump() + "\n");
}

void MetricsFile::writeLine(const std::string &line) {
  if (!file)
    return;
  if (std::fwrite(line.data(), 1, line.size(), file) != line.size() || std::fflush(file) != 0)
    throw Error("cannot write " + path + ": " + std::strerror(errno));
}

ProgressBar::ProgressBar(int64_t first, int64_t last, bool quiet)
    : first(first), last(last), quiet(quiet), terminal(isatty(STDOUT_FILENO)), begin(now()) {}

ProgressBar::~ProgressBar() {
  if (open)
    std::printf("\n"), std::fflush(stdout);
}

void ProgressBar::show(const StepMetrics &metrics) {
  if (quiet)
    return;
  int64_t done = metrics.step - first, all = last - first;
  double time = now();
  bool due = terminal ? time - shown > 0.1 : done % std::max<int64_t>(1, all / 10) == 0;
  if (!due && metrics.step != last && done != 1)
    return;
  shown = time;
  std::string bar;
  if (terminal)
    bar = " [" + std::string(static_cast<size_t>(20 * done / all), '=') +
          std::string(static_cast<size_t>(20 - 20 * done / all), ' ') + "]";
  double left = (time - begin) / static_cast<double>(done) * static_cast<double>(all - done);
  char text[256];
  std::snprintf(text, sizeof(text),
                "step %lld/%lld%s loss %.4f  lr %.3g  grad norm %.3g  %.0f tokens/s  mfu %.0f %%  "
                "%.0f s left",
                static_cast<long long>(metrics.step), static_cast<long long>(last), bar.c_str(),
                metrics.loss, metrics.learningRate, metrics.gradientNorm, metrics.tokensPerSecond,
                100 * metrics.mfu, left);
  showLine(text, metrics.step == last);
}

void ProgressBar::showLine(const std::string &text, bool lastStep) {
  if (terminal)
    std::printf("\r%s\033[K%s", text.c_str(), lastStep ? "\n" : "");
  else
    std::printf("%s\n", text.c_str());
  std::fflush(stdout);
  open = terminal && !lastStep;
}

} // namespace tpc::runtime
