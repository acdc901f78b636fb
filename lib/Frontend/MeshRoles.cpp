//===- MeshRoles.cpp -----------------------------------------------------------===//

#include "MeshRoles.h"
#include "mlir/IR/Diagnostics.h"
#include "tpc/Frontend/ApplyPlan.h"

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
  if (op->hasAttr(kDataAxis) && (dp || replica || shard) &&
      op->getAttrOfType<StringAttr>(kDataAxis) != "dp")
    return op.emitError("--dp-axis names the one data-parallel axis, got ")
           << (dp ? "dp" : "replica and shard") << " beside it";
  if (replica != shard)
    return op.emitError("the mesh axes replica and shard come together, got ")
           << (replica ? "replica" : "shard") << " alone: name a single data-parallel axis dp";
  return success();
}

/// The axis that `attribute` of the mesh names, or else the one called `name`.
static std::optional<unsigned> findAxis(MeshOp op, StringRef attribute, StringRef name) {
  auto other = op->getAttrOfType<StringAttr>(attribute);
  return op.getMesh().getMesh().findAxis(other ? other.getValue() : name);
}

FailureOr<MeshRoles> MeshRoles::read(MeshOp op) {
  const Mesh &mesh = op.getMesh().getMesh();
  if (failed(checkDataParallelAxes(op, mesh)))
    return failure();
  MeshRoles roles;
  roles.storage = findAxis(op, kDataAxis, "dp");
  if (!roles.storage)
    roles.storage = mesh.findAxis("shard");
  roles.tensor = findAxis(op, kTensorAxis, "tp");
  if (!roles.storage && !roles.tensor && mesh.axes.size() == 1)
    roles.tensor = 0;
  if (roles.storage && roles.storage == roles.tensor)
    return op.emitError("the mesh axis ")
           << mesh.axes[*roles.tensor].name << " cannot have the roles of dp and of tp";
  for (auto [number, axis] : llvm::enumerate(mesh.axes))
    if (roles.storage == number || axis.name == "replica")
      roles.batch.push_back(AxisRef::whole(mesh, number));
  return roles;
}

LogicalResult MeshRoles::checkAllHaveRoles(MeshOp op) const {
  const Mesh &mesh = op.getMesh().getMesh();
  for (auto [number, axis] : llvm::enumerate(mesh.axes)) {
    bool splitsBatch = llvm::is_contained(batch, AxisRef::whole(mesh, number));
    if (axis.size > 1 && tensor != number && !splitsBatch) // nothing lies on an axis of size one
      return op.emitError("unknown mesh axis '")
             << axis.name
             << "', axes are dp (the batch), or replica and shard, and tp (the styles); --dp-axis "
                "and --tp-axis give these roles to axes of other names";
  }
  return success();
}

std::string tpc::toString(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  std::string text;
  for (const AxisRef &axis : axes)
    text +=
        (text.empty() ? "" : ", ") + mesh.axes[axis.axis].name + "=" + std::to_string(axis.size);
  return text;
}
