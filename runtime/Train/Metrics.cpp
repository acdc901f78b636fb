#include "Train/Metrics.h"
#include "Train/ProgressLine.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace tpc::runtime {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string toJson(const StepMetrics &metrics) {
  return nlohmann::ordered_json(
             {{"step", metrics.step},
              {"loss", metrics.loss},
              {"lr", metrics.learningRate},
              {"grad_norm", metrics.gradientNorm},
              {"tokens_per_s", metrics.tokensPerSecond},
              {"mfu", metrics.mfu},
              {"seconds", metrics.seconds},
              {"communication_seconds", metrics.communicationSeconds
                                            ? nlohmann::ordered_json(*metrics.communicationSeconds)
                                            : nlohmann::ordered_json()},
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

/// What is replaced must be metrics, by how it begins, or empty.
static void checkIsMetrics(const std::string &path) {
  const std::string begin = "{\"step\":";
  std::string found(begin.size(), ' ');
  std::ifstream file(path);
  file.read(found.data(), static_cast<std::streamsize>(found.size()));
  found.resize(static_cast<size_t>(file.gcount()));
  if (!found.empty() && found != begin)
    throw Error("cannot write metrics to " + path +
                ": it holds something else, and would be overwritten: choose another file");
}

MetricsFile::MetricsFile(const std::string &path, int64_t keep) : path(path) {
  if (path.empty())
    return;
  std::string kept;
  if (std::error_code ignored; std::filesystem::is_regular_file(path, ignored)) {
    checkIsMetrics(path);
    kept = earlierLines(path, keep);
  }
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
  double left = (time - begin) / static_cast<double>(done) * static_cast<double>(all - done);
  // One column is kept free: some terminals begin a new line behind the last.
  size_t width = terminal ? terminalWidth() - 1 : std::numeric_limits<size_t>::max();
  std::string text = progressLine(metrics, last, {done, all, left}, terminal, width);
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
