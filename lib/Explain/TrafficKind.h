//===- TrafficKind.h - what a collective's values are to the user --------------===//

#ifndef TPC_LIB_EXPLAIN_TRAFFICKIND_H
#define TPC_LIB_EXPLAIN_TRAFFICKIND_H

#include "tpc/Explain/Report.h"

namespace tpc {

/// The kind of operand number `operand` of a collective.
TrafficKind getTrafficKind(mlir::Operation *collective, unsigned operand);

} // namespace tpc

#endif // TPC_LIB_EXPLAIN_TRAFFICKIND_H
