//===- ChunkMark.h - collectives that are pieces of one ------------------------===//

#ifndef TPC_OPTIMIZE_CHUNKMARK_H
#define TPC_OPTIMIZE_CHUNKMARK_H

#include "llvm/ADT/StringRef.h"

namespace tpc {

/// On the pieces that tpc-split-collectives makes. The first of a gather and the last of a scatter
/// have nothing to overlap with: it is the others that gain.
inline constexpr llvm::StringLiteral kChunkMark = "tpc.chunk";

} // namespace tpc

#endif // TPC_OPTIMIZE_CHUNKMARK_H
