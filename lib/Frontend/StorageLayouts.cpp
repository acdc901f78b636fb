//===- StorageLayouts.cpp ------------------------------------------------------===//

#include "StorageLayouts.h"
#include "MeshRoles.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tpc;

static int64_t getLocalBytes(RankedTensorType type, const Layout &layout) {
  int64_t parts = 1;
  for (const AxisList &axes : layout.dims)
    parts *= getSize(axes);
  return llvm::divideCeil(type.getNumElements(), parts) *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8u);
}

/// Of the dimensions with an element for every part, the one that splitting pads least; the first,
/// in Hugging Face's order, that the axis divides below what splits it already, if there is one.
/// (FSDP2 takes dimension 0 and pads.)
std::optional<unsigned> StorageChooser::findShardedDim(ArrayRef<int64_t> shape,
                                                       const Layout &layout) const {
  std::optional<unsigned> best;
  double least = 0;
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    int64_t parts = getSize(layout.dims[dim]) * axis.size;
    double growth =
        static_cast<double>(llvm::alignTo(shape[dim], parts)) / static_cast<double>(shape[dim]);
    if (parts <= shape[dim] && (!best || growth < least)) {
      best = dim;
      least = growth;
    }
  }
  return best;
}

Layout StorageChooser::getShard(Layout layout, BlockArgument argument, ParamAttr param) const {
  auto type = cast<RankedTensorType>(argument.getType());
  if (std::optional<unsigned> dim = findShardedDim(type.getShape(), layout))
    layout.dims[*dim].push_back(axis);
  else
    emitRemark(argument.getLoc()) << "'" << param.getName() << "' is whole on every rank of "
                                  << toString(axis, mesh)
                                  << ", as none of its dimensions has so many"
                                  << " elements: " << getLocalBytes(type, layout) << " bytes";
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
