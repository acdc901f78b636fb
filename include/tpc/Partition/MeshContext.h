//===- MeshContext.h - the mesh of a module, and layouts in both forms -----------===//

#ifndef TPC_PARTITION_MESHCONTEXT_H
#define TPC_PARTITION_MESHCONTEXT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Sharding/ReshardPlanner.h"

namespace tpc {

struct MeshContext {
  Mesh mesh;
  mlir::FlatSymbolRefAttr symbol;

  /// The only mesh of `module`; an error if it has none or several.
  static mlir::FailureOr<MeshContext> create(mlir::ModuleOp module);

  LayoutAttr getAttr(const Layout &layout) const { return LayoutAttr::get(symbol, layout, mesh); }
  /// The layout of a tensor in normal form; an empty one for a value that is no tensor. Fails with
  /// an error at its op if the tensor has none, or one that splits it unevenly.
  mlir::FailureOr<Layout> readLayout(mlir::Value value) const;
  /// The same of a layout that may split the tensor unevenly.
  mlir::FailureOr<Layout> readUnevenLayout(mlir::Value value) const;
  mlir::ArrayAttr getAxesAttr(llvm::ArrayRef<AxisRef> axes) const;
};

/// Functions that passes of this stage rewrite: with a body, and no kernels. Fails if one has
/// control flow.
mlir::FailureOr<llvm::SmallVector<mlir::func::FuncOp>> getProgramFunctions(mlir::ModuleOp module);

/// Calls `visit` on every argument and every result of an op, until one fails.
mlir::LogicalResult visitValues(mlir::func::FuncOp function,
                                llvm::function_ref<mlir::LogicalResult(mlir::Value)> visit);

/// `op` is for the phase (backward, update) that `model` is for.
void copyPhase(mlir::Operation *op, mlir::Operation *model);

/// Shape of a ranked tensor and bytes of an element (i1 counts as one byte).
llvm::ArrayRef<int64_t> getShape(mlir::Value value);
int64_t getElementBytes(mlir::Value value);
/// The type of one rank's shard; `type` itself if it is no tensor.
mlir::Type getLocalType(mlir::Type type, const Layout &layout);

/// On modules, an i64: bytes that a layout between two others may take on a rank.
constexpr llvm::StringLiteral kReshardMemory = "tpc.reshard_memory";

/// The planner of the MLIR context for the machine called `machine`, within `memoryCap` bytes, or
/// the module's kReshardMemory if that is 0; an error at `module` if there is no such machine.
mlir::FailureOr<ReshardPlanner *> getPlanner(mlir::ModuleOp module, const MeshContext &context,
                                             llvm::StringRef machine, int64_t memoryCap = 0);

} // namespace tpc

#endif // TPC_PARTITION_MESHCONTEXT_H
