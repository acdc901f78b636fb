//===- OpMakers.h - how each op is added to a random graph -------------------------===//

#ifndef TPC_FUZZ_OPMAKERS_H
#define TPC_FUZZ_OPMAKERS_H

#include "GraphGenerator.h"

namespace tpc::fuzz {

/// Adds an op to the graph and defines its results; adds nothing to the pool where what it drew is
/// too large or would not be exact.
struct OpMaker {
  llvm::StringRef name; ///< of the op
  bool exact;           ///< can its results be exact?
  unsigned weight;      ///< how often it is drawn, relative to others
  void (*make)(Graph &graph);
};

llvm::ArrayRef<OpMaker> getLinearMakers();
llvm::ArrayRef<OpMaker> getElementwiseMakers();
llvm::ArrayRef<OpMaker> getTransformerMakers();
llvm::ArrayRef<OpMaker> getTrainingMakers();

} // namespace tpc::fuzz

#endif // TPC_FUZZ_OPMAKERS_H
