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

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"
#include "tpc/Dialect/TPCDialect.h"
#include <optional>
#include <string>
#include <vector>

namespace tpc {

/// DTensor's placement of a value on the tensor-parallel axis.
struct Placement {
  enum Kind { Shard, Replicate, Partial } kind = Replicate;
  int64_t dim = 0; ///< of Shard; counts in Hugging Face's dimensions, negative from the end

  static Placement shard(int64_t dim) { return {Shard, dim}; }
  static Placement replicate() { return {}; }
  /// Only said of what arrives: the sum is formed wherever that is cheapest.
  static Placement partial() { return {Partial}; }
  bool operator==(const Placement &other) const {
    return kind == other.kind && (kind != Shard || dim == other.dim);
  }
  bool operator!=(const Placement &other) const { return !(*this == other); }
};
std::string toString(const Placement &placement);

/// What a style says about one argument or result of a module.
struct PortRule {
  unsigned index = 0;
  std::optional<Placement> given;  ///< the layout in which it is said to arrive
  std::optional<Placement> wanted; ///< the layout in which it is used or handed on
  bool isImplied = false;          ///< `given` is what the style assumes, not an argument of it
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

/// The plan that the command line's `--plan=NAME` means for the program `module`: `auto` the
/// standard one, derived from the graph; `hf` the one that Hugging Face gives the model; `none` one
/// without rules; else the file of that name.
mlir::FailureOr<Plan> getPlan(llvm::StringRef name, mlir::ModuleOp module);

/// The text of a YAML file that parsePlan() reads as `plan`, entries by their `apply_to`.
std::string printPlan(const Plan &plan);

/// The meaning of a rule's style for `module`, a module of `kind`. Unknown styles and arguments,
/// layouts of the wrong number and modules that do not admit the style are reported at the rule.
mlir::FailureOr<ModuleStyle> resolveStyle(const PlanRule &rule, llvm::StringRef module,
                                          ModuleKind kind);

/// Names of the styles that modules of `kind` admit, for people.
llvm::ArrayRef<llvm::StringRef> getAdmittedStyles(ModuleKind kind);

} // namespace tpc

#endif // TPC_FRONTEND_PLAN_H
