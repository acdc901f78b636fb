//===- PlanSource.h - plans that are no files ----------------------------------===//

#ifndef TPC_LIB_FRONTEND_PLANSOURCE_H
#define TPC_LIB_FRONTEND_PLANSOURCE_H

#include "tpc/Frontend/Plan.h"

namespace tpc {

/// Hugging Face's plan for the model that `module` was made from: transformers' class attributes,
/// unless the configuration has fields of its own. Mistakes in these are reported at their lines.
mlir::FailureOr<Plan> getHuggingFacePlan(mlir::ModuleOp module);

/// The standard plan, derived from the graph (AutoPlan.cpp). Empty if there is nothing to split:
/// no boundaries, or a tensor-parallel axis of size one.
mlir::FailureOr<Plan> getAutoPlan(mlir::ModuleOp module);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANSOURCE_H
