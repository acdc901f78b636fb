//===- PlanRequests.h - the layouts a plan asks for, before they are built in --===//

#ifndef TPC_LIB_FRONTEND_PLANREQUESTS_H
#define TPC_LIB_FRONTEND_PLANREQUESTS_H

#include "PlanLayouts.h"
#include "PlanMatcher.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

/// What is asked of one boundary.
struct Request {
  const PlanRule *rule;
  PortRule port;
  LayoutAttr given, wanted; ///< of `port`; null if it says nothing
  bool interior = false;    ///< lies between the hard boundaries of a block
};
using Requests = llvm::MapVector<mlir::Operation *, Request>;

/// The requests of all boundaries. Placements that do not fit are reported at the plan's lines.
mlir::FailureOr<Requests> collectRequests(const Modules &modules, const Assignments &assignments,
                                          const PlanLayouts &layouts);

/// Marks the requests inside blocks. A block is a module all of whose modules are leaves
/// (self_attn, mlp), with requests for everything that enters and leaves it: these are its hard
/// boundaries. What is asked for in between changes no value outside, so it may be traded for what
/// is cheaper.
void markInterior(const Modules &modules, Requests &requests);

/// The weight and the bias of a module as arguments; null where it has none.
struct ModuleParameters {
  mlir::BlockArgument weight, bias;
};

/// Finds them by their names, a tied weight by its use.
class ParameterFinder {
public:
  explicit ParameterFinder(mlir::func::FuncOp function);
  ModuleParameters find(llvm::StringRef module, const ModulePorts &ports) const;

private:
  llvm::StringMap<mlir::BlockArgument> byName;
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANREQUESTS_H
