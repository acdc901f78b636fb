//===- AsideFile.cpp -----------------------------------------------------------===//

#include "tpc/Target/AsideFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"

using namespace tpc;

/// The stream's first error, after all is written; the stream forgets it, or it would end the
/// program.
static std::error_code takeError(llvm::raw_fd_ostream &os) {
  os.flush();
  std::error_code error = os.error();
  os.clear_error();
  return error;
}

AsideFile::AsideFile(llvm::StringRef output, llvm::StringRef suffix) : output(output) {
  error = llvm::sys::fs::createUniqueFile(output + ".%%%%%%" + suffix, descriptor, path);
  if (!error)
    llvm::sys::RemoveFileOnSignal(path);
}

AsideFile::~AsideFile() {
  if (descriptor != -1)
    llvm::sys::Process::SafelyCloseFileDescriptor(descriptor);
  if (path.empty())
    return;
  llvm::sys::fs::remove(path);
  llvm::sys::DontRemoveFileOnSignal(path);
}

std::error_code AsideFile::write(llvm::function_ref<void(llvm::raw_ostream &)> print) {
  if (error)
    return error;
  llvm::raw_fd_ostream os(std::exchange(descriptor, -1), /*shouldClose=*/true);
  print(os);
  os.close();
  return takeError(os);
}

std::error_code AsideFile::rename() {
  std::error_code failure = llvm::sys::fs::rename(path, output);
  if (failure)
    return failure;
  llvm::sys::DontRemoveFileOnSignal(path);
  path.clear();
  return {};
}

std::error_code tpc::writeFile(llvm::StringRef path,
                               llvm::function_ref<void(llvm::raw_ostream &)> print) {
  if (path.empty() || path == "-") {
    print(llvm::outs());
    return takeError(llvm::outs());
  }
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)) {
    std::error_code error;
    llvm::raw_fd_ostream os(path, error);
    if (error)
      return error;
    print(os);
    return takeError(os);
  }
  AsideFile file(path);
  if (std::error_code error = file.write(print))
    return error;
  return file.rename();
}
