//===- MeshRoles.cpp -----------------------------------------------------------===//

#include "MeshRoles.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace tpc;

/// The two ways of naming data-parallel axes exclude each other, and replica and shard need each
/// other.
static LogicalResult checkDataParallelAxes(MeshOp op, const Mesh &mesh) {
  bool dp = mesh.findAxis("dp").has_value(), replica = mesh.findAxis("replica").has_value(),
       shard = mesh.findAxis("shard").has_value();
  if (dp && (replica || shard))
    return op.emitError("the mesh axis dp is replica and shard in one, got dp beside ")
           << (replica ? "replica" : "shard") << ": name either dp, or replica and shard";
  if (replica != shard)
    return op.emitError("the mesh axes replica and shard come together, got ")
           << (replica ? "replica" : "shard") << " alone: name a single data-parallel axis dp";
  return success();
}

FailureOr<MeshRoles> MeshRoles::read(MeshOp op) {
  const Mesh &mesh = op.getMesh().getMesh();
  if (failed(checkDataParallelAxes(op, mesh)))
    return failure();
  MeshRoles roles;
  roles.storage = mesh.findAxis("dp") ? mesh.findAxis("dp") : mesh.findAxis("shard");
  roles.tensor = mesh.findAxis("tp");
  if (!roles.storage && !roles.tensor && mesh.axes.size() == 1)
    roles.tensor = 0;
  for (auto [number, axis] : llvm::enumerate(mesh.axes)) {
    if (roles.storage == number || axis.name == "replica")
      roles.batch.push_back(AxisRef::whole(mesh, number));
    else if (roles.tensor != number && axis.size > 1) // nothing lies on an axis of size one
      return op.emitError("unknown mesh axis '")
             << axis.name
             << "', axes are dp (the batch), or replica and shard, and tp (the styles)";
  }
  return roles;
}

std::string tpc::toString(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  std::string text;
  for (const AxisRef &axis : axes)
    text +=
        (text.empty() ? "" : ", ") + mesh.axes[axis.axis].name + "=" + std::to_string(axis.size);
  return text;
}
