//===- PlanMatcher.h - which rule of a plan sets what --------------------------===//

#ifndef TPC_LIB_FRONTEND_PLANMATCHER_H
#define TPC_LIB_FRONTEND_PLANMATCHER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Frontend/Plan.h"
#include "llvm/ADT/MapVector.h"

namespace tpc {

/// A module of the program: its boundaries by index.
struct ModulePorts {
  ModuleKind kind;
  llvm::SmallVector<BoundaryOp, 1> inputs, outputs;
};
using Modules = llvm::MapVector<llvm::StringRef, ModulePorts>;

/// Modules in program order.
Modules collectModules(mlir::func::FuncOp function);

/// Does `pattern`, as a plan's key with or without the prefix `model.`, name `module`?
bool matchesModule(llvm::StringRef pattern, llvm::StringRef module);
/// The same for the key of a rule as it is written.
bool matchesRule(const PlanRule &rule, llvm::StringRef module);

/// "model.layers.0.mlp" -> "model.layers.*.mlp".
std::string hideNumbers(llvm::StringRef module);

/// What a plan says about one module, after exact keys have beaten patterns. A null rule: nothing
/// is said.
template <typename T>
struct Assigned {
  const PlanRule *rule = nullptr;
  T value = {};
};
struct ModuleAssignment {
  Assigned<ParameterSplit> split;
  llvm::SmallVector<Assigned<PortRule>, 1> inputs, outputs; ///< by index
};
using Assignments = llvm::MapVector<llvm::StringRef, ModuleAssignment>;

/// Matches every rule. Keys that match nothing, rules of equal specificity for one port or
/// parameter and styles that a module does not admit are reported at the plan's lines; all of them,
/// then it fails.
mlir::FailureOr<Assignments> matchPlan(const Plan &plan, const Modules &modules);

} // namespace tpc

#endif // TPC_LIB_FRONTEND_PLANMATCHER_H
