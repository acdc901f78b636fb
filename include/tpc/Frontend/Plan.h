//===- Plan.h - a parallel plan: module patterns and PyTorch's styles ----------===//
//
// A plan file is YAML or JSON: a list of entries, each with `plan`, a mapping from module patterns
// to styles, and optionally `apply_to`, a pattern that the keys are relative to. A style is the
// constructor call that PyTorch's parallelize_module takes, as text, or one of Hugging Face's plan
// strings.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FRONTEND_PLAN_H
#define TPC_FRONTEND_PLAN_H

#include "mlir/IR/Location.h"
#include "tpc/Dialect/TPCDialect.h"
#include <optional>
#include <string>
#include <vector>

namespace tpc {

/// DTensor's placement of a value on the tensor-parallel axis.
struct Placement {
  enum Kind { Shard, Replicate } kind = Replicate;
  int64_t dim = 0; ///< of Shard; counts in Hugging Face's dimensions, negative from the end

  static Placement shard(int64_t dim) { return {Shard, dim}; }
  static Placement replicate() { return {}; }
  bool operator==(const Placement &other) const {
    return kind == other.kind && (kind == Replicate || dim == other.dim);
  }
  bool operator!=(const Placement &other) const { return !(*this == other); }
};
std::string toString(const Placement &placement);

/// What a style says about one argument or result of a module.
struct PortRule {
  unsigned index = 0;
  std::optional<Placement> given;  ///< the layout in which it is said to arrive
  std::optional<Placement> wanted; ///< the layout in which it is used or handed on
};

/// What a style does to a module's parameters.
enum class ParameterSplit {
  Untouched,
  Replicated,
  Colwise, ///< output features (an embedding: columns) and the bias
  Rowwise  ///< input features (an embedding: rows); the bias is added once, after the reduction
};

/// A style as it acts on one kind of module.
struct ModuleStyle {
  std::string name;
  ParameterSplit split = ParameterSplit::Untouched;
  llvm::SmallVector<PortRule, 2> inputs, outputs;
};

/// One key of a plan.
struct PlanRule {
  std::string pattern; ///< full name or pattern, starting with `apply_to`
  std::string prefix;  ///< `apply_to`, or empty
  std::string style;   ///< text of the value
  mlir::Location keyLoc, styleLoc;

  bool isExact() const {
    return llvm::StringRef(pattern).find_first_of("*?[") == llvm::StringRef::npos;
  }
};

struct Plan {
  std::vector<PlanRule> rules;
};

/// Reads a plan's text; syntax errors are reported at their line and column, then it fails. Styles
/// are checked when they meet a module.
mlir::FailureOr<Plan> parsePlan(llvm::StringRef text, llvm::StringRef path,
                                mlir::MLIRContext *context);
mlir::FailureOr<Plan> loadPlan(llvm::StringRef path, mlir::MLIRContext *context);

/// The meaning of a rule's style for `module`, a module of `kind`. Unknown styles and arguments,
/// layouts of the wrong number and modules that do not admit the style are reported at the rule.
mlir::FailureOr<ModuleStyle> resolveStyle(const PlanRule &rule, llvm::StringRef module,
                                          ModuleKind kind);

/// Names of the styles that modules of `kind` admit, for people.
llvm::ArrayRef<llvm::StringRef> getAdmittedStyles(ModuleKind kind);

} // namespace tpc

#endif // TPC_FRONTEND_PLAN_H
