//===- AsideFile.h - files that appear under their name when they are complete -===//

#ifndef TPC_TARGET_ASIDEFILE_H
#define TPC_TARGET_ASIDEFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/raw_ostream.h"
#include <system_error>

namespace tpc {

/// A new file in the folder of `output`, which it replaces when it is renamed; it goes away
/// otherwise, also if the program is interrupted.
class AsideFile {
public:
  explicit AsideFile(llvm::StringRef output, llvm::StringRef suffix = "");
  ~AsideFile();
  AsideFile(const AsideFile &) = delete;
  AsideFile &operator=(const AsideFile &) = delete;

  /// Why there is no such file; all is well if it is empty.
  std::error_code getError() const { return error; }
  llvm::StringRef getPath() const { return path; }

  /// Writes the file's contents and closes it: to be called once, or not at all by those who let
  /// another program write it.
  std::error_code write(llvm::function_ref<void(llvm::raw_ostream &)> print);
  std::error_code rename();

private:
  std::string output;
  llvm::SmallString<128> path;
  int descriptor = -1;
  std::error_code error;
};

/// Writes what `print` prints to the file `path`: aside and renamed, but for devices and pipes. To
/// standard output if `path` is empty or "-".
std::error_code writeFile(llvm::StringRef path,
                          llvm::function_ref<void(llvm::raw_ostream &)> print);

} // namespace tpc

#endif // TPC_TARGET_ASIDEFILE_H
