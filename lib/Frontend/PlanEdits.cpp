//===- PlanEdits.cpp -----------------------------------------------------------===//

#include "tpc/Frontend/PlanEdits.h"
#include "PlanExpression.h"
#include "PlanMatcher.h"
#include "StyleTable.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tpc;

std::optional<RuleTarget> tpc::findTarget(const PlanRule &rule, ModuleOp program) {
  std::optional<RuleTarget> target;
  program.walk([&](BoundaryOp boundary) {
    if (!matchesRule(rule, boundary.getModule()))
      return WalkResult::advance();
    target = RuleTarget{boundary.getModule().str(), boundary.getKind()};
    return WalkResult::interrupt();
  });
  return target;
}

std::vector<std::string> tpc::findModules(const PlanRule &rule, ModuleOp program) {
  llvm::SetVector<StringRef> modules;
  program.walk([&](BoundaryOp boundary) {
    if (matchesRule(rule, boundary.getModule()))
      modules.insert(boundary.getModule());
  });
  return {modules.begin(), modules.end()};
}

/// Null if `style` is no call with arguments by name. Nothing is reported: the style has been read
/// before.
static std::optional<Expression> parseCall(StringRef style, MLIRContext *context) {
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) { return success(); });
  FailureOr<Expression> call = parseExpression(style, UnknownLoc::get(context));
  if (failed(call) || call->kind != Expression::Call)
    return std::nullopt;
  return *call;
}

static bool isLayout(const Expression &value) {
  return value.kind == Expression::Call && (value.text == "Replicate" || value.text == "Shard");
}

/// Arguments that never change a value.
static bool isFlag(StringRef name) { return name.starts_with("use_local_"); }

std::vector<std::string> tpc::getNearbyStyles(StringRef style, MLIRContext *context) {
  std::optional<Expression> call = parseCall(style, context);
  std::vector<std::string> styles;
  if (!call)
    return styles;
  Expression changed = *call;
  for (size_t number = 0; number < call->named.size(); ++number) {
    const auto &[name, value] = call->named[number];
    if (isFlag(name))
      continue;
    changed.named.erase(changed.named.begin() + static_cast<ptrdiff_t>(number));
    styles.push_back(changed.print());
    changed = *call;
    for (StringRef text : {"Replicate()", "Shard(1)"})
      if (isLayout(value) && value.print() != text) {
        changed.named[number].second = *parseCall(text, context);
        styles.push_back(changed.print());
        changed = *call;
      }
  }
  return styles;
}

std::string tpc::dropArgument(StringRef style, StringRef name, MLIRContext *context) {
  std::optional<Expression> call = parseCall(style, context);
  if (!call)
    return style.str();
  llvm::erase_if(call->named, [&](const auto &argument) { return argument.first == name; });
  return call->print();
}

std::string tpc::getStyleCall(StringRef style, ModuleKind kind) {
  StringRef call = getHuggingFaceCall(style, kind);
  return call.empty() ? style.str() : call.str();
}

/// The call without what never changes a value, spelled as the table spells it.
static std::string dropFlags(StringRef style, MLIRContext *context) {
  std::optional<Expression> call = parseCall(style, context);
  if (!call)
    return style.str();
  llvm::erase_if(call->named, [](const auto &argument) { return isFlag(argument.first); });
  return call->print();
}

StringRef tpc::getPlanString(StringRef style, ModuleKind kind, MLIRContext *context) {
  std::string call = dropFlags(getStyleCall(style, kind), context);
  bool embedding = kind == ModuleKind::Embedding;
  for (const PlanString &entry : getPlanStrings()) {
    bool suits = embedding == entry.word.starts_with("embedding_") || entry.word == "colwise";
    if (entry.call == call && suits && !entry.word.contains("local"))
      return entry.word;
  }
  return "";
}
