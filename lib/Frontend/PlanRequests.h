//===- PlanRequests.h - the layouts a plan asks for, before they are built in --===//

#ifndef TPC_LIB_FRONTEND_PLANREQUESTS_H
#define TPC_LIB_FRONTEND_PLANREQUESTS_H

#include "PlanLayouts.h"
#include "PlanMatcher.h"

namespace tpc {

/// What is asked of one boundary.
struct Request {
  const PlanRule *rule;
  PortRule port;
  LayoutAttr given, wanted; ///< of `port`; null if it says nothing
};
using Requests = llvm::MapVector<mlir::Operation *, Request>;

/// The requests of all boundaries. Placements that do not fit are reported at the plan's lines.
mlir::FailureOr<Requests> collectRequests(const Modules &modules, const Assignments &assignments,
                                          const PlanLayouts &layouts);

/// Keeps the heads of every attention sharded whose queries, keys and values the plan gathers (from
/// column-wise projections) only to split its result again (for a row-wise one). Says so in a
/// remark, one for all layers that the same line of the plan is about.
mlir::LogicalResult keepHeadsSharded(mlir::func::FuncOp function, const Assignments &assignments,
                                     const PlanLayouts &layouts, Requests &requests);

/// The weight and the bias of a module as arguments; null where it has none. A tied weight is found
/// by its use.
struct ModuleParameters {
  mlir::BlockArgument weight, bias;
};
ModuleParameters findParameters(mlir::func::FuncOp function, llvm::StringRef module,
                                const ModulePorts &ports);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANREQUESTS_H
