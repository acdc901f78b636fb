//===- LocalizationContext.h - what an op is told when it is localized ---------===//

#ifndef TPC_DIALECT_LOCALIZATIONCONTEXT_H
#define TPC_DIALECT_LOCALIZATIONCONTEXT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "tpc/Sharding/Layout.h"
#include <vector>

namespace tpc {

/// Layouts around one op (theory form, one per tensor operand and result; a non-tensor operand has
/// an empty layout), the mesh, and the local types of its results.
struct LocalizationContext {
  Mesh mesh;
  mlir::FlatSymbolRefAttr meshSymbol;
  std::vector<Layout> operandLayouts;
  std::vector<Layout> resultLayouts;
  llvm::SmallVector<mlir::Type> localResultTypes;

  /// The axes of `axes` as an attribute array, as collectives take it.
  mlir::ArrayAttr getAxesAttr(mlir::OpBuilder &builder, llvm::ArrayRef<AxisRef> axes) const;
  /// `tpc.axis_index * localSize` as an index value, or null if `axes` is empty (offset 0).
  mlir::Value buildOffset(mlir::OpBuilder &builder, mlir::Location loc,
                          llvm::ArrayRef<AxisRef> axes, int64_t localSize) const;
};

} // namespace tpc

#endif // TPC_DIALECT_LOCALIZATIONCONTEXT_H
