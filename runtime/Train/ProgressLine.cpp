#include "Train/ProgressLine.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace tpc::runtime {
namespace {

/// A part of the line; the highest rank goes first where there is no room.
struct Part {
  int rank;
  std::string text;
};

[[gnu::format(printf, 1, 2)]] std::string format(const char *pattern, ...) {
  char text[128];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof(text), pattern, arguments);
  va_end(arguments);
  return text;
}

std::string printBar(const StepsLeft &left) {
  auto full = static_cast<size_t>(20 * left.done / left.all);
  return "[" + std::string(full, '=') + std::string(20 - full, ' ') + "]";
}

size_t widthOf(const std::vector<Part> &parts) {
  size_t width = 0;
  for (const Part &part : parts)
    width += part.text.size() + 2; // two blanks between parts
  return width - 2;
}

} // namespace

std::string progressLine(const StepMetrics &metrics, int64_t last, const StepsLeft &left, bool bar,
                         size_t width) {
  std::vector<Part> parts = {{0, format("step %lld/%lld", static_cast<long long>(metrics.step),
                                        static_cast<long long>(last))},
                             {3, printBar(left)},
                             {1, format("loss %.4f", metrics.loss)},
                             {6, format("lr %.3g", metrics.learningRate)},
                             {5, format("grad norm %.3g", metrics.gradientNorm)},
                             {4, format("%.0f tokens/s", metrics.tokensPerSecond)},
                             {7, format("mfu %.0f %%", 100 * metrics.mfu)},
                             {2, format("%.0f s left", left.seconds)}};
  if (!bar)
    parts.erase(parts.begin() + 1);
  for (int rank = 7; rank > 0 && widthOf(parts) > width; --rank)
    for (size_t i = 0; i < parts.size(); ++i)
      if (parts[i].rank == rank)
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
  std::string line;
  for (const Part &part : parts)
    line += (line.empty() ? "" : "  ") + part.text;
  return line.substr(0, width);
}

size_t terminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  const char *columns = std::getenv("COLUMNS");
  int width = columns ? std::atoi(columns) : 0;
  return width > 0 ? static_cast<size_t>(width) : 80;
}

} // namespace tpc::runtime
