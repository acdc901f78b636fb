#include "Train/OutputPaths.h"
#include "tpc/runtime/Error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace tpc::runtime {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannotWrite(const std::string &path, const std::string &why) {
  throw Error("cannot write " + path + ": " + why);
}

/// Whether entries can be made in the folder that `path` names.
void checkFolder(const std::string &path, const fs::path &folder) {
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_directory(folder, ignored))
    cannotWrite(path, folder.string() + " is no folder");
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    cannotWrite(path, std::strerror(errno));
}

/// A file is written in its folder, which must be there, under another name, and renamed.
void checkFile(const Options &options, const std::string &path) {
  if (path.empty())
    return;
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    cannotWrite(path, "it is a folder");
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    cannotWrite(path, "it is not a regular file");
  for (const std::string &input : {options.data, options.validation, options.inputs})
    if (!input.empty() && fs::equivalent(path, input, ignored))
      cannotWrite(path, "it is what this run reads");
  checkFolder(path, fs::absolute(path).parent_path());
}

/// A folder is made with all its parents.
void checkNewFolder(const std::string &path) {
  if (path.empty())
    return;
  fs::path there = fs::absolute(path).lexically_normal();
  std::error_code ignored;
  while (!fs::exists(there, ignored) && there.has_relative_path())
    there = there.parent_path();
  checkFolder(path, there);
}

} // namespace

void checkOutputPaths(const Options &options) {
  for (const std::string &path :
       {options.profile, options.dumpGradients, options.logits, options.outputs})
    checkFile(options, path);
  std::error_code ignored;
  bool special = fs::exists(options.metrics, ignored) &&
                 !fs::is_regular_file(options.metrics, ignored) &&
                 !fs::is_directory(options.metrics, ignored);
  if (!special) // lines can go into a pipe as well
    checkFile(options, options.metrics);
  for (const std::string &path : {options.save, options.exportFolder})
    checkNewFolder(path);
  if (!options.exportFolder.empty() &&
      fs::exists(options.exportFolder + "/model.safetensors.index.json", ignored))
    throw Error(
        "cannot export to " + options.exportFolder +
        ": it has a model.safetensors.index.json, and readers would take the weights listed "
        "there: remove it or choose another folder");
}

} // namespace tpc::runtime
