#include "IO/AsideFile.h"
#include "Measure/Measure.h"

#include <cstdio>
#include <optional>
#include <unistd.h>

namespace tpc::runtime {

/// A line that renews itself on a terminal, a line each elsewhere; on standard error.
static void showProgress(const std::string &text) {
  std::fprintf(stderr, isatty(STDERR_FILENO) ? "\r%s\033[K" : "%s\n", text.c_str());
}

void writeMeasurement(tpc_context &context, const std::string &command, const std::string &output) {
  bool speaks = context.rank() == 0;
  std::optional<AsideFile> file;
  if (speaks && !output.empty())
    file.emplace(output, 0); // said before any work is done
  context.communicator->barrier();
  MachineFigures figures = measureMachine(context, [&](const std::string &text) {
    if (speaks)
      showProgress(text);
  });
  if (speaks && isatty(STDERR_FILENO))
    std::fprintf(stderr, "\r\033[K");
  std::string yaml = toYaml(figures, command);
  if (file) {
    file->write(0, yaml.data(), yaml.size());
    file->commit();
  } else if (speaks) {
    std::printf("%s", yaml.c_str());
  }
}

} // namespace tpc::runtime
