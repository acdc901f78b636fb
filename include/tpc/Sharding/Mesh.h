//===- Mesh.h - a named, row-major grid of ranks -----------------------------===//
//
// A mesh is what PyTorch calls a DeviceMesh and Shardy a mesh: named axes, major to minor; the rank
// of a device is its row-major index.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_SHARDING_MESH_H
#define TPC_SHARDING_MESH_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace tpc {

struct MeshAxis {
  std::string name;
  int64_t size;
  bool operator==(const MeshAxis &other) const { return name == other.name && size == other.size; }
};

struct Mesh {
  llvm::SmallVector<MeshAxis, 4> axes;

  int64_t getNumRanks() const;
  /// The number of the axis called `name`, if there is one.
  std::optional<unsigned> findAxis(llvm::StringRef name) const;
  /// Coordinates of `rank`, one per axis.
  llvm::SmallVector<int64_t, 4> getCoordinates(int64_t rank) const;
  bool operator==(const Mesh &other) const { return axes == other.axes; }
};

} // namespace tpc

#endif // TPC_SHARDING_MESH_H
