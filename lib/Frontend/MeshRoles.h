//===- MeshRoles.h - what each mesh axis is for --------------------------------===//
//
//   dp              the batch is split over it; parameters may be stored over it
//   replica, shard  in place of dp (PyTorch: hybrid sharding, HSDP): the batch is split over both,
//                   parameters are stored over shard and repeated over replica
//   tp              what a plan's styles act on; any name does for the only axis of a mesh
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_FRONTEND_MESHROLES_H
#define TPC_LIB_FRONTEND_MESHROLES_H

#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

struct MeshRoles {
  AxisList batch;                  ///< major to minor; axes of size one too
  std::optional<unsigned> storage; ///< over which parameters, gradients and state may be split
  std::optional<unsigned> tensor;

  /// Reports axes without a purpose at the mesh, then fails.
  static mlir::FailureOr<MeshRoles> read(MeshOp op);
};

/// `dp=2`, or `replica=2, shard=4`.
std::string toString(llvm::ArrayRef<AxisRef> axes, const Mesh &mesh);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_MESHROLES_H
