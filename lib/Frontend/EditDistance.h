//===- EditDistance.h - "did you mean" -----------------------------------------===//

#ifndef TPC_LIB_FRONTEND_EDITDISTANCE_H
#define TPC_LIB_FRONTEND_EDITDISTANCE_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace tpc {

/// "; did you mean 'x'?" with the candidate nearest to `word`, or nothing if none is near.
template <typename Range>
std::string suggest(llvm::StringRef word, const Range &candidates) {
  unsigned best = std::max<unsigned>(2, word.size() / 4) + 1;
  std::string nearest;
  for (llvm::StringRef candidate : candidates) {
    unsigned distance = word.edit_distance(candidate, /*AllowReplacements=*/true, best);
    if (distance >= best)
      continue;
    best = distance;
    nearest = candidate.str();
  }
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

} // namespace tpc

#endif // TPC_LIB_FRONTEND_EDITDISTANCE_H
