//===- PlanEdits.h - styles as text, changed and translated ----------------------===//

#ifndef TPC_FRONTEND_PLANEDITS_H
#define TPC_FRONTEND_PLANEDITS_H

#include "tpc/Frontend/Plan.h"

namespace tpc {

/// The first module of a program (with boundaries) that a rule is about.
struct RuleTarget {
  std::string module;
  ModuleKind kind;
};
std::optional<RuleTarget> findTarget(const PlanRule &rule, mlir::ModuleOp program);
/// All of them, in program order.
std::vector<std::string> findModules(const PlanRule &rule, mlir::ModuleOp program);

/// Styles one change away from `style`: an argument left out, or its layout replaced by Replicate()
/// or Shard(1). Empty if `style` is not a call.
std::vector<std::string> getNearbyStyles(llvm::StringRef style, mlir::MLIRContext *context);

/// `style` without the argument `name`.
std::string dropArgument(llvm::StringRef style, llvm::StringRef name, mlir::MLIRContext *context);

/// The constructor call that `style`, a call or one of Hugging Face's plan strings, stands for on a
/// module of `kind`.
std::string getStyleCall(llvm::StringRef style, ModuleKind kind);
/// The plan string that stands for `style` on a module of `kind`; empty if none does.
llvm::StringRef getPlanString(llvm::StringRef style, ModuleKind kind, mlir::MLIRContext *context);

} // namespace tpc

#endif // TPC_FRONTEND_PLANEDITS_H
