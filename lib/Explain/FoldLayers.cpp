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

/// How many links from `next` on repeat the end of `folded`; zero if they do not.
static size_t countRepeated(llvm::ArrayRef<ChainLink> folded, llvm::ArrayRef<ChainLink> next) {
  auto same = [](const ChainLink &a, const ChainLink &b) { return a.place == b.place; };
  for (size_t count = 1; count <= std::min(folded.size(), next.size()); ++count)
    if (std::equal(next.begin(), next.begin() + count, folded.end() - count, same))
      return count;
  return 0;
}

std::vector<ChainLink> tpc::foldChain(llvm::ArrayRef<ChainLink> chain) {
  std::vector<ChainLink> places(chain.begin(), chain.end()), folded;
  for (ChainLink &link : places)
    link.place = foldLayers(link.place);
  for (size_t next = 0; next < places.size();) {
    if (size_t count = countRepeated(folded, llvm::ArrayRef(places).drop_front(next))) {
      next += count;
      continue;
    }
    folded.push_back(places[next++]);
  }
  return folded;
}
