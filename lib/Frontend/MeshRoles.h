//===- MeshRoles.h - what each mesh axis is for --------------------------------===//
//
//   dp              the batch is split over it; parameters may be stored over it
//   replica, shard  in place of dp (PyTorch: hybrid sharding, HSDP): the batch is split over both,
//                   parameters are stored over shard and repeated over replica
//   tp              what a plan's styles act on; any name does for the only axis of a mesh
//
// An axis of another name has the role of dp or tp if the attribute tpc.dp or tpc.tp of the mesh
// says so (tpc-compile --dp-axis, --tp-axis). What has no role is for layouts that a module says
// itself.
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

  /// Reports roles that exclude each other, or need an axis that there is not, then fails.
  static mlir::FailureOr<MeshRoles> read(MeshOp op);
  /// Reports an axis of several ranks without a role, then fails.
  mlir::LogicalResult checkAllHaveRoles(MeshOp op) const;
};

/// `dp=2`, or `replica=2, shard=4`.
std::string toString(llvm::ArrayRef<AxisRef> axes, const Mesh &mesh);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_MESHROLES_H
