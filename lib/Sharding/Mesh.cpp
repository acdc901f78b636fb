//===- Mesh.cpp -----------------------------------------------------------===//

#include "tpc/Sharding/Mesh.h"

using namespace tpc;

int64_t Mesh::getNumRanks() const {
  int64_t ranks = 1;
  for (const MeshAxis &axis : axes)
    ranks *= axis.size;
  return ranks;
}

std::optional<unsigned> Mesh::findAxis(llvm::StringRef name) const {
  for (unsigned i = 0, e = axes.size(); i != e; ++i)
    if (axes[i].name == name)
      return i;
  return std::nullopt;
}

llvm::SmallVector<int64_t, 4> Mesh::getCoordinates(int64_t rank) const {
  llvm::SmallVector<int64_t, 4> coordinates(axes.size());
  for (unsigned i = axes.size(); i-- > 0;) {
    coordinates[i] = rank % axes[i].size;
    rank /= axes[i].size;
  }
  return coordinates;
}
