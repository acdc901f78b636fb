//===- CollectivePatterns.h - rewrites of pairs of local collectives -------===//

#ifndef TPC_LIB_OPTIMIZE_COLLECTIVEPATTERNS_H
#define TPC_LIB_OPTIMIZE_COLLECTIVEPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace tpc {

/// Debug labels of the patterns: what they are about.
inline constexpr llvm::StringLiteral kScatterLabel = "scatter", kGatherLabel = "gather",
                                     kSumLabel = "sum";

/// The table of tpc-simplify-collectives but for its first and last row, and for what follows.
void populateCollectivePatterns(mlir::RewritePatternSet &patterns);
/// The rows in which a gather meets a slice.
void populateGatherPatterns(mlir::RewritePatternSet &patterns);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_COLLECTIVEPATTERNS_H
