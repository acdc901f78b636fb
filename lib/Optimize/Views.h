//===- Views.h - the same values in another form ---------------------------------===//

#ifndef TPC_LIB_OPTIMIZE_VIEWS_H
#define TPC_LIB_OPTIMIZE_VIEWS_H

#include "mlir/IR/Value.h"

namespace tpc {

/// Are the results of `op` its operand's values, in another shape or precision?
bool isView(mlir::Operation *op);
/// What `value` is a view of.
mlir::Value getViewed(mlir::Value value);

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_VIEWS_H
