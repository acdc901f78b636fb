//===- FoldLayers.h - one name for what every layer has ------------------------===//

#ifndef TPC_EXPLAIN_FOLDLAYERS_H
#define TPC_EXPLAIN_FOLDLAYERS_H

#include "tpc/Dialect/Provenance.h"

namespace tpc {

/// "tpc.contract of model.layers.11.mlp" -> "tpc.contract of model.layers.*.mlp": numbers that are
/// a component of a dotted name become a star.
std::string foldLayers(llvm::StringRef text);

/// A chain with folded places; what repeats, layer after layer, stands once.
std::vector<ChainLink> foldChain(llvm::ArrayRef<ChainLink> chain);

} // namespace tpc

#endif // TPC_EXPLAIN_FOLDLAYERS_H
