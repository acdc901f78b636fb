//===- HideLibraryOptions.h - keeps --help to a tool's own options -------------===//

#ifndef TPC_HIDELIBRARYOPTIONS_H
#define TPC_HIDELIBRARYOPTIONS_H

#include "llvm/Support/CommandLine.h"

namespace tpc {

/// Leaves to --help-hidden what LLVM's libraries registered when they were loaded, hundreds of
/// options of code generators and analyses. To be called first in main, before a tool registers its
/// own.
inline void hideLibraryOptions() {
  static constexpr llvm::StringLiteral general[] = {"color", "help", "help-list", "version"};
  for (auto &entry : llvm::cl::getRegisteredOptions())
    if (!llvm::is_contained(general, entry.first))
      entry.second->setHiddenFlag(llvm::cl::Hidden);
}

} // namespace tpc

#endif // TPC_HIDELIBRARYOPTIONS_H
