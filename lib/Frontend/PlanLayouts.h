//===- PlanLayouts.h - placements on tp as layouts on the mesh -----------------===//

#ifndef TPC_LIB_FRONTEND_PLANLAYOUTS_H
#define TPC_LIB_FRONTEND_PLANLAYOUTS_H

#include "MeshRoles.h"
#include "tpc/Dialect/ParameterShape.h"
#include "tpc/Frontend/Plan.h"

namespace tpc {

/// Layouts made of the roles of mesh axes: a batch lies split over the data-parallel ones, a
/// placement acts on the tensor-parallel one. Axes of size one never occur in a layout.
class PlanLayouts {
public:
  /// Reports axes that a plan for the modules of the program would leave idle, then fails.
  static mlir::FailureOr<PlanLayouts> create(MeshOp mesh);

  int64_t getTensorParallelSize() const { return tp ? mesh.axes[*tp].size : 1; }
  int64_t getDataParallelSize() const { return getSize(batch); }
  bool hasTensorParallelAxis() const { return tp.has_value(); }
  llvm::StringRef getTensorParallelName() const {
    return tp ? llvm::StringRef(mesh.axes[*tp].name) : "tp";
  }
  const Mesh &getMesh() const { return mesh; }

  LayoutAttr getReplicated(int64_t rank) const;
  /// [b, ...]: the batch dimension split over the data-parallel axes.
  LayoutAttr getBatch(int64_t rank) const;
  /// An activation [b, ...] of `module` placed on tp. Placements that do not fit are reported at
  /// `loc`.
  mlir::FailureOr<LayoutAttr> getActivation(Placement placement, mlir::RankedTensorType type,
                                            const DimGroups &groups, llvm::StringRef module,
                                            mlir::Location loc) const;
  /// A parameter with Hugging Face's dimension `dim` split over tp.
  mlir::FailureOr<LayoutAttr> getParameter(int64_t dim, mlir::RankedTensorType type,
                                           const DimGroups &groups, llvm::StringRef module,
                                           mlir::Location loc) const;
  /// A key/value projection that getParameter() split inside heads, with its heads whole: `group`
  /// are the dimensions that were split. Null for every other parameter.
  LayoutAttr getWholeHeads(LayoutAttr parameter, llvm::ArrayRef<int64_t> group) const;

private:
  PlanLayouts(mlir::FlatSymbolRefAttr symbol, const Mesh &mesh) : symbol(symbol), mesh(mesh) {}

  /// Splits one of Hugging Face's dimensions over tp, whole heads at a time: key/value heads by
  /// their common divisor with tp; the rest of tp splits the query heads of a group, which are
  /// padded where it must be, or leaves keys and values replicated.
  mlir::LogicalResult split(Layout &layout, llvm::ArrayRef<int64_t> group,
                            mlir::RankedTensorType type, llvm::StringRef module,
                            mlir::Location loc) const;
  mlir::LogicalResult splitHeads(Layout &layout, llvm::ArrayRef<int64_t> group,
                                 mlir::RankedTensorType type, llvm::StringRef module,
                                 mlir::Location loc) const;
  void splitHeadDim(Layout &layout, llvm::ArrayRef<int64_t> group,
                    mlir::RankedTensorType type) const;
  LayoutAttr getAttr(const Layout &layout) const { return LayoutAttr::get(symbol, layout, mesh); }

  mlir::FlatSymbolRefAttr symbol;
  Mesh mesh;
  AxisList batch;
  std::optional<unsigned> tp;
};

/// Groups of a boundary.
DimGroups getGroups(BoundaryOp boundary);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANLAYOUTS_H
