//===- Gpu.cpp - the CUDA toolkit ----------------------------------------------===//

#include "tpc/Target/Gpu.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace tpc;

static std::string joinPath(const Twine &folder, StringRef path) {
  SmallString<128> joined;
  llvm::sys::path::append(joined, folder, path);
  return std::string(joined);
}

static bool hasAssembler(StringRef folder) {
  return llvm::sys::fs::can_execute(joinPath(folder, "bin/ptxas"));
}

/// The folder above that of the ptxas on the PATH; empty if there is none.
static std::string getToolkitOnPath() {
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName("ptxas");
  SmallString<128> resolved;
  if (!program || llvm::sys::fs::real_path(*program, resolved))
    return "";
  return llvm::sys::path::parent_path(llvm::sys::path::parent_path(resolved)).str();
}

static std::string guessToolkit() {
  if (std::optional<std::string> home = llvm::sys::Process::GetEnv("CUDA_HOME"))
    return *home;
  if (hasAssembler("/usr/local/cuda"))
    return "/usr/local/cuda";
  return getToolkitOnPath();
}

FailureOr<std::string> tpc::findCudaToolkit(StringRef folder, Location loc) {
  std::string toolkit = folder.empty() ? guessToolkit() : folder.str();
  constexpr StringLiteral kRemedy =
      ": install the CUDA toolkit (12.8 or newer: cuda-nvcc with ptxas and libdevice) and set "
      "CUDA_HOME to its folder";
  if (toolkit.empty())
    return emitError(loc) << "no CUDA toolkit was found" << kRemedy;
  for (StringRef file : {"bin/ptxas", "nvvm/libdevice/libdevice.10.bc"})
    if (!llvm::sys::fs::exists(joinPath(toolkit, file)))
      return emitError(loc) << "the CUDA toolkit in '" << toolkit << "' has no " << file << kRemedy;
  return toolkit;
}
