//===- StorageLayouts.h - where parameters, gradients and state are stored -----===//

#ifndef TPC_LIB_FRONTEND_STORAGELAYOUTS_H
#define TPC_LIB_FRONTEND_STORAGELAYOUTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

enum class DataParallelMode {
  Ddp,   ///< every data-parallel rank has all
  Zero1, ///< state is shared out
  Zero2, ///< and the gradients that are kept between micro-steps
  Fsdp   ///< and parameters
};

/// Layouts of one parameter and of what belongs to it.
struct StorageLayouts {
  LayoutAttr use;       ///< in computation: the plan's, without the storage axis
  LayoutAttr parameter; ///< between steps
  LayoutAttr shard;     ///< of its gradient and its optimizer state
};

/// Chooses layouts per parameter: the same in all functions.
class StorageChooser {
public:
  /// `axis` is what parts of the model are shared out over.
  StorageChooser(MeshOp op, const AxisRef &axis, DataParallelMode mode)
      : symbol(mlir::FlatSymbolRefAttr::get(op.getSymNameAttr())), mesh(op.getMesh().getMesh()),
        axis(axis), mode(mode) {}

  /// Visits the parameters among the arguments. Fails if one is split over the axis already.
  mlir::LogicalResult addParameters(mlir::func::FuncOp function);
  /// Null for an unknown name.
  const StorageLayouts *find(llvm::StringRef parameter) const {
    auto found = layouts.find(parameter);
    return found == layouts.end() ? nullptr : &found->second;
  }

private:
  mlir::LogicalResult add(mlir::BlockArgument argument, ParamAttr param);
  std::optional<unsigned> findShardedDim(llvm::ArrayRef<int64_t> shape, const Layout &layout) const;
  Layout getShard(Layout layout, mlir::BlockArgument argument, ParamAttr param) const;

  mlir::FlatSymbolRefAttr symbol;
  Mesh mesh;
  AxisRef axis;
  DataParallelMode mode;
  llvm::StringMap<StorageLayouts> layouts;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_STORAGELAYOUTS_H
