//===- KnownLayouts.h - layouts that follow from constraints alone -------------===//

#ifndef TPC_LIB_FRONTEND_KNOWNLAYOUTS_H
#define TPC_LIB_FRONTEND_KNOWNLAYOUTS_H

#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/DenseMap.h"

namespace tpc {

/// The layout that a value has whatever propagation decides elsewhere: that of the constraint it
/// comes from, through ops that change no layout. This is what a plan's `input_layouts` is checked
/// against.
class KnownLayouts {
public:
  /// The constraint or argument that a value's layout comes from; null if nothing is known.
  mlir::Value getOrigin(mlir::Value value);
  /// Null if nothing is known.
  LayoutAttr get(mlir::Value value);

private:
  mlir::Value find(mlir::Value value);
  llvm::DenseMap<mlir::Value, mlir::Value> origins;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_KNOWNLAYOUTS_H
