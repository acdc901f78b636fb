//===- PlanLayouts.cpp ---------------------------------------------------------===//

#include "PlanLayouts.h"
#include "mlir/IR/Diagnostics.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

//===-- axes -------------------------------------------------------------------===//

FailureOr<PlanLayouts> PlanLayouts::create(MeshOp op) {
  FailureOr<MeshRoles> roles = MeshRoles::read(op);
  bool hasModules =
      op->getParentOp()->walk([](BoundaryOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (failed(roles) || (hasModules && failed(roles->checkAllHaveRoles(op))))
    return failure();
  PlanLayouts layouts(FlatSymbolRefAttr::get(op.getSymNameAttr()), op.getMesh().getMesh());
  layouts.batch = roles->batch;
  layouts.tp = roles->tensor;
  return layouts;
}

LayoutAttr PlanLayouts::getReplicated(int64_t rank) const {
  return getAttr(Layout::replicated(rank));
}

LayoutAttr PlanLayouts::getBatch(int64_t rank) const {
  Layout layout = Layout::replicated(rank);
  for (const AxisRef &axis : batch)
    if (axis.size > 1)
      layout.dims[0].push_back(axis);
  return getAttr(layout);
}

//===-- splitting --------------------------------------------------------------===//

LogicalResult PlanLayouts::splitHeads(Layout &layout, ArrayRef<int64_t> group,
                                      RankedTensorType type, StringRef module, Location loc) const {
  int64_t size = getTensorParallelSize(), kvHeads = type.getDimSize(group[0]);
  int64_t major = std::gcd(size, kvHeads), rest = size / major;
  bool query = group.size() == 3; // [h, g, d]; a key/value projection is [h, d]
  int64_t heads = kvHeads * (query ? type.getDimSize(group[1]) : 1);
  if (query && size > heads)
    return emitError(loc) << "'" << module << "' has " << heads << " query heads, fewer than "
                          << getTensorParallelName() << "=" << size << ": use at most "
                          << getTensorParallelName() << "=" << heads;
  if (major > 1)
    layout.dims[group[0]].push_back({*tp, 1, major});
  if (query && rest > 1)
    layout.dims[group[1]].push_back({*tp, major, rest});
  return success();
}

LogicalResult PlanLayouts::split(Layout &layout, ArrayRef<int64_t> group, RankedTensorType type,
                                 StringRef module, Location loc) const {
  int64_t size = getTensorParallelSize();
  if (size == 1)
    return success();
  if (group.size() > 1)
    return splitHeads(layout, group, type, module, loc);
  layout.dims[group[0]].push_back(AxisRef::whole(mesh, *tp));
  return success();
}

FailureOr<LayoutAttr> PlanLayouts::getActivation(Placement placement, RankedTensorType type,
                                                 const DimGroups &groups, StringRef module,
                                                 Location loc) const {
  Layout layout = getBatch(type.getRank()).getLayout(mesh);
  if (placement.kind == Placement::Replicate)
    return getAttr(layout);
  int64_t rank = groups.size(), dim = placement.dim < 0 ? placement.dim + rank : placement.dim;
  if (dim < 0 || dim >= rank)
    return emitError(loc) << toString(placement) << " does not fit a value of '" << module
                          << "' with " << rank << " dimensions";
  if (failed(split(layout, groups[dim], type, module, loc)))
    return failure();
  return getAttr(layout);
}

FailureOr<LayoutAttr> PlanLayouts::getParameter(int64_t dim, RankedTensorType type,
                                                const DimGroups &groups, StringRef module,
                                                Location loc) const {
  Layout layout = Layout::replicated(type.getRank());
  if (failed(split(layout, groups[dim], type, module, loc)))
    return failure();
  if (groups[dim].size() == 2)
    splitHeadDim(layout, groups[dim], type);
  return getAttr(layout);
}

/// What tp has left over splits the head dimension of a key/value projection: its output is
/// gathered before the rotation, and no rank repeats the product.
void PlanLayouts::splitHeadDim(Layout &layout, ArrayRef<int64_t> group,
                               RankedTensorType type) const {
  int64_t major = tpc::getSize(layout.dims[group[0]]), rest = getTensorParallelSize() / major;
  if (rest > 1 && type.getDimSize(group[1]) >= rest)
    layout.dims[group[1]].push_back({*tp, major, rest});
}

LayoutAttr PlanLayouts::getWholeHeads(LayoutAttr parameter, ArrayRef<int64_t> group) const {
  Layout layout = parameter.getLayout(mesh);
  if (group.size() != 2 || layout.dims[group[1]].empty())
    return {};
  layout.dims[group[1]].clear();
  return getAttr(layout);
}

//===-- groups -----------------------------------------------------------------===//

DimGroups tpc::getGroups(BoundaryOp boundary) {
  DimGroups groups;
  for (Attribute group : boundary.getDims()) {
    groups.emplace_back();
    for (Attribute dim : cast<ArrayAttr>(group))
      groups.back().push_back(cast<IntegerAttr>(dim).getInt());
  }
  return groups;
}
