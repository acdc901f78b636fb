//===- FoldLayers.cpp ----------------------------------------------------------===//

#include "tpc/Explain/FoldLayers.h"
#include "llvm/ADT/StringExtras.h"

using namespace tpc;

/// Does a number that starts at `start` and ends before `end` fill a component of a name?
static bool isComponent(llvm::StringRef text, size_t start, size_t end) {
  bool follows = start >= 2 && text[start - 1] == '.' && llvm::isAlpha(text[start - 2]);
  return follows && (end == text.size() || !llvm::isAlnum(text[end]));
}

std::string tpc::foldLayers(llvm::StringRef text) {
  std::string folded;
  for (size_t start = 0; start < text.size();) {
    size_t end = start;
    while (end < text.size() && llvm::isDigit(text[end]))
      ++end;
    if (end > start && isComponent(text, start, end))
      folded += '*';
    else
      folded += text.slice(start, end = std::max(end, start + 1));
    start = end;
  }
  return folded;
}
