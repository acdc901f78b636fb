//===- ApplyPlan.h - a plan on a program ---------------------------------------===//

#ifndef TPC_FRONTEND_APPLYPLAN_H
#define TPC_FRONTEND_APPLYPLAN_H

#include "mlir/IR/BuiltinOps.h"
#include "tpc/Frontend/Plan.h"

namespace tpc {

/// On a mesh, strings: its axes with the roles of dp and tp, if they are not called so.
constexpr llvm::StringLiteral kDataAxis = "tpc.dp", kTensorAxis = "tpc.tp";

enum class PlanPolicy {
  Optimize, ///< may trade a layout inside a module for a cheaper one of the same values, and says
            ///< so
  Strict    ///< keeps every layout that the plan declares
};

/// What `tpc-apply-plan` does (Passes.td); `plan` may be null. Returns the number of constraints
/// made.
mlir::FailureOr<unsigned> applyPlan(mlir::ModuleOp module, const Plan *plan, PlanPolicy policy);

/// A table of all modules, their parameters' shapes and the styles they admit, as `--list-modules`
/// prints it.
void printModules(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace tpc

#endif // TPC_FRONTEND_APPLYPLAN_H
