//===- LayoutReader.h - layouts that users wrote, checked ------------------===//

#ifndef TPC_PROPAGATION_LAYOUTREADER_H
#define TPC_PROPAGATION_LAYOUTREADER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// Turns attributes into the theory's layouts on the one mesh of a module.
class LayoutReader {
public:
  /// The module must have exactly one mesh; else an error is emitted at it.
  static llvm::FailureOr<LayoutReader> create(mlir::ModuleOp module);

  const Mesh &getMesh() const { return mesh; }
  mlir::FlatSymbolRefAttr getSymbol() const { return symbol; }

  /// Fails with an error if `layout` is on another mesh, does not fit `type` or is Partial.
  llvm::FailureOr<Layout> read(LayoutAttr layout, mlir::RankedTensorType type,
                               EmitError emitError) const;

private:
  Mesh mesh;
  mlir::FlatSymbolRefAttr symbol;
};

/// `"dp", "tp":(1)2`, as layouts spell them.
void printAxes(llvm::raw_ostream &os, llvm::ArrayRef<AxisRef> axes, const Mesh &mesh);

/// One layout per parameter name, collected over all functions of a module.
class ParameterLayouts {
public:
  /// Fails with an error and a note if two functions disagree about a parameter.
  static llvm::FailureOr<ParameterLayouts> collect(mlir::ModuleOp module);
  /// Null if no function says anything.
  LayoutAttr lookup(llvm::StringRef parameter) const { return layouts.lookup(parameter).layout; }
  bool contains(llvm::StringRef parameter) const { return layouts.contains(parameter); }

private:
  struct Entry {
    LayoutAttr layout; ///< null where no function says anything
    mlir::LocationAttr loc;
  };
  llvm::LogicalResult add(ParamAttr param, LayoutAttr layout, mlir::Location loc);
  llvm::StringMap<Entry> layouts;
};

} // namespace tpc

#endif // TPC_PROPAGATION_LAYOUTREADER_H
