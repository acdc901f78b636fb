//===- PlanFile.cpp - the entries of a YAML or JSON plan -----------------------===//

#include "JsonText.h"
#include "mlir/IR/Diagnostics.h"
#include "tpc/Frontend/Plan.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

using namespace mlir;
using namespace tpc;
namespace yaml = llvm::yaml;

namespace {
/// Reads one file. YAML nodes are a stream: each is visited once, in order.
class PlanReader {
public:
  PlanReader(StringRef text, StringRef path, MLIRContext *context)
      : path(path), context(context), stream(text, sources, /*ShowColors=*/false) {
    sources.setDiagHandler(
        [](const llvm::SMDiagnostic &diagnostic, void *self) {
          static_cast<PlanReader *>(self)->reportSyntax(diagnostic);
        },
        this);
  }
  FailureOr<Plan> read();

private:
  struct Text {
    std::string value;
    Location loc;
  };

  void reportSyntax(const llvm::SMDiagnostic &diagnostic);
  Location getLocation(yaml::Node *node);
  FailureOr<Text> getText(yaml::Node *node, StringRef what);
  LogicalResult readEntry(yaml::Node *node);
  LogicalResult readRules(yaml::Node *node, std::vector<PlanRule> &rules);
  /// Rules of one entry become rules of the plan, with `applyTo` before their keys; an empty key is
  /// the module that `applyTo` matches, as in PyTorch.
  LogicalResult append(std::vector<PlanRule> &rules, const std::string &applyTo);

  StringRef path;
  MLIRContext *context;
  llvm::SourceMgr sources;
  yaml::Stream stream;
  Plan plan;
  bool hasFailed = false;
};
} // namespace

void PlanReader::reportSyntax(const llvm::SMDiagnostic &diagnostic) {
  if (!hasFailed)
    emitError(
        FileLineColLoc::get(context, path, diagnostic.getLineNo(), diagnostic.getColumnNo() + 1))
        << "malformed plan: " << diagnostic.getMessage();
  hasFailed = true;
}

Location PlanReader::getLocation(yaml::Node *node) {
  llvm::SMLoc start = node ? node->getSourceRange().Start : llvm::SMLoc();
  if (!start.isValid())
    return FileLineColLoc::get(context, path, 1, 1);
  auto [line, column] = sources.getLineAndColumn(start);
  return FileLineColLoc::get(context, path, line, column);
}

FailureOr<PlanReader::Text> PlanReader::getText(yaml::Node *node, StringRef what) {
  auto *scalar = dyn_cast_or_null<yaml::ScalarNode>(node);
  if (!scalar) {
    if (!hasFailed)
      emitError(getLocation(node))
          << what << " should be text"
          << (isa_and_nonnull<yaml::AliasNode>(node) ? ": quote a pattern that starts with *" : "");
    return failure();
  }
  SmallString<64> storage;
  return Text{scalar->getValue(storage).trim().str(), getLocation(node)};
}

LogicalResult PlanReader::readRules(yaml::Node *node, std::vector<PlanRule> &rules) {
  auto *mapping = dyn_cast_or_null<yaml::MappingNode>(node);
  if (!mapping)
    return hasFailed ? failure()
                     : LogicalResult(emitError(getLocation(node))
                                     << "a plan should map modules to styles");
  for (yaml::KeyValueNode &entry : *mapping) {
    FailureOr<Text> key = getText(entry.getKey(), "the name of a module");
    if (failed(key))
      return failure();
    FailureOr<Text> style = getText(entry.getValue(), "the style of '" + key->value + "'");
    if (failed(style))
      return failure();
    rules.push_back({key->value, "", style->value, key->loc, style->loc});
  }
  return success();
}

LogicalResult PlanReader::append(std::vector<PlanRule> &rules, const std::string &applyTo) {
  for (PlanRule &rule : rules) {
    if (rule.pattern.empty() && applyTo.empty())
      return emitError(rule.keyLoc) << "the name of a module is empty";
    rule.prefix = applyTo;
    if (rule.pattern.empty())
      rule.pattern = applyTo;
    else if (!applyTo.empty())
      rule.pattern = applyTo + "." + rule.pattern;
    plan.rules.push_back(std::move(rule));
  }
  return success();
}

LogicalResult PlanReader::readEntry(yaml::Node *node) {
  auto *mapping = dyn_cast_or_null<yaml::MappingNode>(node);
  if (!mapping)
    return hasFailed ? failure()
                     : LogicalResult(emitError(getLocation(node))
                                     << "an entry of a plan should have a key 'plan'");
  Location loc = getLocation(mapping);
  std::string applyTo;
  std::vector<PlanRule> rules;
  bool hasRules = false, hasPrefix = false;
  for (yaml::KeyValueNode &entry : *mapping) {
    FailureOr<Text> key = getText(entry.getKey(), "the key of an entry");
    if (failed(key))
      return failure();
    bool isSecond = key->value == "apply_to" ? hasPrefix : key->value == "plan" && hasRules;
    if (isSecond)
      return emitError(key->loc) << "an entry of a plan has one key '" << key->value
                                 << "', got a second";
    if (key->value == "apply_to") {
      hasPrefix = true;
      FailureOr<Text> value = getText(entry.getValue(), "apply_to");
      if (failed(value))
        return failure();
      applyTo = value->value;
    } else if (key->value == "plan") {
      hasRules = true;
      if (failed(readRules(entry.getValue(), rules)))
        return failure();
    } else {
      return emitError(key->loc) << "unknown key '" << key->value
                                 << "', an entry has 'apply_to' and 'plan'";
    }
  }
  if (!hasRules && !hasFailed)
    return emitError(loc) << "an entry of a plan should have a key 'plan'";
  return append(rules, applyTo);
}

FailureOr<Plan> PlanReader::read() {
  yaml::document_iterator document = stream.begin();
  yaml::Node *root = document->getRoot();
  auto *entries = dyn_cast_or_null<yaml::SequenceNode>(root);
  if (!entries) {
    if (!hasFailed)
      emitError(getLocation(root)) << "a plan file should be a list of entries";
    return failure();
  }
  for (yaml::Node &entry : *entries)
    if (failed(readEntry(&entry)))
      return failure();
  if (hasFailed || stream.failed())
    return failure();
  if (++document != stream.end())
    return emitError(getLocation(document->getRoot()))
           << "a plan file should be one YAML document, got a second";
  return std::move(plan);
}

/// A JSON file is read as YAML, which most JSON is, once it is known to be JSON.
FailureOr<Plan> tpc::parsePlan(StringRef text, StringRef path, MLIRContext *context) {
  if (path.ends_with(".json") && failed(parseJson(text, path, context)))
    return failure();
  return PlanReader(text, path, context).read();
}

FailureOr<Plan> tpc::loadPlan(StringRef path, MLIRContext *context) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return emitError(FileLineColLoc::get(context, path, 0, 0))
           << "cannot read the plan: " << buffer.getError().message();
  return parsePlan((*buffer)->getBuffer(), path, context);
}
