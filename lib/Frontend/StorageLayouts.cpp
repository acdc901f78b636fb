//===- StorageLayouts.cpp ------------------------------------------------------===//

#include "StorageLayouts.h"
#include "MeshRoles.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace tpc;

/// The first dimension, in Hugging Face's order, that the axis divides below what splits it
/// already. (FSDP2 takes dimension 0 and pads.)
Layout StorageChooser::getShard(Layout layout, BlockArgument argument, ParamAttr param) const {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(argument.getType()).getShape();
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    if (shape[dim] % (getSize(layout.dims[dim]) * axis.size) == 0) {
      layout.dims[dim].push_back(axis);
      return layout;
    }
  emitRemark(argument.getLoc()) << "'" << param.getName() << "' is whole on every rank of "
                                << toString(axis, mesh) << ", which divides none of its dimensions";
  return layout;
}

LogicalResult StorageChooser::add(BlockArgument argument, ParamAttr param) {
  LayoutAttr attribute = getLayout(argument);
  int64_t rank = cast<RankedTensorType>(argument.getType()).getRank();
  Layout layout = attribute ? attribute.getLayout(mesh) : Layout::replicated(rank);
  if (llvm::any_of(layout.getUsedAxes(),
                   [&](const AxisRef &used) { return used.axis == axis.axis; }))
    return emitError(argument.getLoc())
           << "parameter '" << param.getName() << "' is split over " << mesh.axes[axis.axis].name
           << " already, got " << toDTensorString(layout, mesh)
           << ": that axis is for the data-parallel mode to use";
  Layout shard = axis.size > 1 ? getShard(layout, argument, param) : layout;
  StorageLayouts &entry = layouts[param.getName()];
  entry.use = LayoutAttr::get(symbol, layout, mesh);
  entry.shard = LayoutAttr::get(symbol, shard, mesh);
  entry.parameter = mode == DataParallelMode::Fsdp ? entry.shard : entry.use;
  return success();
}

LogicalResult StorageChooser::addParameters(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
    if (param && !function.getArgAttr(number, TPCDialect::kState) && !find(param.getName()) &&
        failed(add(argument, param)))
      return failure();
  }
  return success();
}
