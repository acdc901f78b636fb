//===- PlanStyle.cpp - what a style's text means for a module ------------------===//
//
// Defaults are PyTorch's: ColwiseParallel takes Replicate and gives Shard(-1), RowwiseParallel
// takes Shard(-1) and gives Replicate (on an embedding only the layout used is Replicate),
// SequenceParallel keeps Shard(1), which it believes a plain tensor to have. `use_local_output` and
// `use_local_input` never change a value, so they are accepted and ignored.
//
//===----------------------------------------------------------------------===//

#include "EditDistance.h"
#include "PlanExpression.h"
#include "StyleTable.h"
#include "mlir/IR/Diagnostics.h"
#include "tpc/Frontend/Plan.h"

using namespace mlir;
using namespace tpc;

std::string tpc::toString(const Placement &placement) {
  switch (placement.kind) {
  case Placement::Replicate:
    return "Replicate()";
  case Placement::Partial:
    return "Partial()";
  case Placement::Shard:
    break;
  }
  return "Shard(" + std::to_string(placement.dim) + ")";
}

//===-- reading a call ---------------------------------------------------------===//

namespace {
using Placements = SmallVector<std::optional<Placement>, 2>;

class StyleReader {
public:
  StyleReader(const PlanRule &rule, StringRef module, ModuleKind kind)
      : rule(rule), module(module), kind(kind) {}
  FailureOr<ModuleStyle> read();

private:
  InFlightDiagnostic error() { return emitError(rule.styleLoc); }
  LogicalResult translate();
  LogicalResult bind();
  /// The style as the plan calls it: "colwise (ColwiseParallel)" for a plan string.
  std::string getTitle() const { return word.empty() ? call.text : word + " (" + call.text + ")"; }
  LogicalResult checkFlags();
  const Expression *get(StringRef name) const {
    auto found = arguments.find(name);
    return found == arguments.end() || found->second->isNone() ? nullptr : found->second;
  }

  FailureOr<std::optional<Placement>> toPlacement(const Expression &value, StringRef what);
  FailureOr<std::optional<Placement>> toPartial(const Expression &value, StringRef what);
  FailureOr<Placements> toPlacements(const Expression &value, StringRef what);
  /// The only layout of `name`, or `standard`.
  FailureOr<Placement> getSingle(StringRef name, Placement standard);

  LogicalResult readFamily();
  LogicalResult readLinear();
  LogicalResult readReplicated();
  LogicalResult readPrepare();
  LogicalResult readSequence();
  LogicalResult readPorts(StringRef given, StringRef wanted, StringRef what, unsigned limit,
                          SmallVectorImpl<PortRule> &ports);
  LogicalResult readKeywords();
  FailureOr<unsigned> getInputIndex(StringRef name);

  const PlanRule &rule;
  StringRef module;
  ModuleKind kind;
  Expression call;
  std::string word; ///< the plan string, if it is one
  llvm::StringMap<const Expression *> arguments;
  ModuleStyle style;
};
} // namespace

/// Parses the text; replaces a Hugging Face string by its call.
LogicalResult StyleReader::translate() {
  FailureOr<Expression> parsed = parseExpression(rule.style, rule.styleLoc);
  if (failed(parsed))
    return failure();
  call = *parsed;
  if (call.kind != Expression::Call)
    return error() << "expected a style such as ColwiseParallel(), got " << rule.style;
  std::string unsuited = explainUnsuited(call.text, kind);
  if (!unsuited.empty())
    return error() << "style '" << call.text << "' of '" << module << "' " << unsuited;
  StringRef text = getHuggingFaceCall(call.text, kind);
  if (text.empty())
    return success();
  if (!call.items.empty() || !call.named.empty())
    return error() << "plan string '" << call.text << "' of '" << module
                   << "' takes no arguments: write " << text << " with arguments instead";
  word = call.text;
  call = *parseExpression(text, rule.styleLoc);
  return success();
}

/// Everything that may stand for a style, for suggestions.
static SmallVector<StringRef> getStyleNames() {
  SmallVector<StringRef> names;
  for (const StyleSignature &signature : getStyleSignatures())
    names.push_back(signature.name);
  for (const PlanString &entry : getPlanStrings())
    names.push_back(entry.word);
  return names;
}

LogicalResult StyleReader::bind() {
  auto *signature = llvm::find_if(getStyleSignatures(),
                                  [&](const StyleSignature &s) { return s.name == call.text; });
  if (signature == getStyleSignatures().end())
    return error() << "unknown style '" << call.text << "'" << suggest(call.text, getStyleNames());
  if (!llvm::is_contained(getAdmittedStyles(kind), call.text)) {
    InFlightDiagnostic diagnostic = error()
                                    << getTitle() << " does not apply to '" << module << "', a "
                                    << stringifyModuleKind(kind) << " module; it admits ";
    llvm::interleaveComma(getAdmittedStyles(kind), diagnostic);
    return diagnostic;
  }
  if (call.items.size() > signature->parameters.size())
    return error() << call.text << " takes " << signature->parameters.size() << " arguments, got "
                   << call.items.size();
  for (auto [name, value] : llvm::zip(signature->parameters, call.items))
    arguments[name] = &value;
  for (const auto &[name, value] : call.named) {
    if (!llvm::is_contained(signature->parameters, name))
      return error() << "unknown argument '" << name << "' of " << call.text
                     << suggest(name, signature->parameters);
    if (!arguments.try_emplace(name, &value).second)
      return error() << "argument '" << name << "' of " << call.text << " is given twice";
  }
  return checkFlags();
}

LogicalResult StyleReader::checkFlags() {
  for (StringRef name : {"use_local_output", "use_local_input"})
    if (const Expression *flag = get(name))
      if (flag->kind != Expression::Call || (flag->text != "True" && flag->text != "False"))
        return error() << name << " should be True or False, got " << flag->print();
  return success();
}

//===-- layouts ----------------------------------------------------------------===//

FailureOr<std::optional<Placement>> StyleReader::toPlacement(const Expression &value,
                                                             StringRef what) {
  if (value.isNone())
    return std::optional<Placement>();
  bool call = value.kind == Expression::Call;
  if (call && value.text == "Replicate" && value.items.empty() && value.named.empty())
    return std::optional<Placement>(Placement::replicate());
  if (call && value.text == "Shard" && value.items.size() + value.named.size() == 1) {
    const Expression &dim = value.items.empty() ? value.named[0].second : value.items[0];
    bool named = !value.named.empty() && value.named[0].first != "dim";
    if (dim.kind == Expression::Integer && !named)
      return std::optional<Placement>(Placement::shard(dim.integer));
  }
  if (call && value.text == "Partial")
    return toPartial(value, what);
  return error() << what << " of '" << module << "' should be Shard(dim) or Replicate(), got "
                 << value.print();
}

/// PyTorch's Partial() is what a value may arrive as, never what a plan asks for.
FailureOr<std::optional<Placement>> StyleReader::toPartial(const Expression &value,
                                                           StringRef what) {
  bool arrives = what.starts_with("input_") ||
                 (what == "output_layouts" && StringRef(call.text).starts_with("PrepareModule"));
  if (!arrives)
    return error() << what << " of '" << module
                   << "' cannot be Partial: summands are reduced where it is cheapest; say the "
                      "layout wanted after it";
  bool isSum = value.named.empty() &&
               (value.items.empty() || (value.items.size() == 1 && value.items[0].text == "sum"));
  if (!isSum)
    return error() << what << " of '" << module << "' can only be a Partial of sums, got "
                   << value.print();
  return std::optional<Placement>(Placement::partial());
}

FailureOr<Placements> StyleReader::toPlacements(const Expression &value, StringRef what) {
  Placements placements;
  ArrayRef<Expression> items =
      value.kind == Expression::Tuple ? ArrayRef(value.items) : ArrayRef(value);
  for (const Expression &item : items) {
    FailureOr<std::optional<Placement>> placement = toPlacement(item, what);
    if (failed(placement))
      return failure();
    placements.push_back(*placement);
  }
  return placements;
}

FailureOr<Placement> StyleReader::getSingle(StringRef name, Placement standard) {
  const Expression *value = get(name);
  if (!value)
    return standard;
  FailureOr<Placements> placements = toPlacements(*value, name);
  if (failed(placements))
    return failure();
  if (placements->size() != 1)
    return error() << name << " of '" << module << "' should be one layout, got "
                   << placements->size();
  return placements->front().value_or(standard);
}

//===-- one function per family ------------------------------------------------===//

LogicalResult StyleReader::readLinear() {
  bool colwise = call.text == "ColwiseParallel";
  Placement last = Placement::shard(-1), whole = Placement::replicate();
  FailureOr<Placement> input = getSingle("input_layouts", colwise ? whole : last);
  FailureOr<Placement> output = getSingle("output_layouts", colwise ? last : whole);
  if (failed(input) || failed(output))
    return failure();
  style.split = colwise ? ParameterSplit::Colwise : ParameterSplit::Rowwise;
  bool usesWhole = colwise || kind == ModuleKind::Embedding;
  style.inputs.push_back({0, *input, usesWhole ? whole : last});
  style.outputs.push_back({0, std::nullopt, *output});
  return success();
}

LogicalResult StyleReader::readSequence() {
  Placement sequence = Placement::shard(1);
  if (const Expression *dim = get("sequence_dim")) {
    if (dim->kind != Expression::Integer)
      return error() << "sequence_dim of '" << module << "' should be an integer, got "
                     << dim->print();
    sequence.dim = dim->integer;
  }
  style.split = ParameterSplit::Replicated;
  style.inputs.push_back({0, sequence, sequence, /*isImplied=*/true});
  style.outputs.push_back({0, std::nullopt, sequence});
  return success();
}

LogicalResult StyleReader::readPorts(StringRef given, StringRef wanted, StringRef what,
                                     unsigned limit, SmallVectorImpl<PortRule> &ports) {
  const Expression *givenValue = get(given), *wantedValue = get(wanted);
  if (!givenValue && !wantedValue)
    return success();
  if (!givenValue || !wantedValue) // PyTorch asserts the one and ignores the other
    return error() << call.text << " of '" << module << "' has " << (givenValue ? given : wanted)
                   << " without " << (givenValue ? wanted : given) << ": say both";
  FailureOr<Placements> wantedList = toPlacements(*wantedValue, wanted);
  FailureOr<Placements> givenList = toPlacements(*givenValue, given);
  if (failed(wantedList) || failed(givenList))
    return failure();
  if (givenList->size() != wantedList->size())
    return error() << given << " and " << wanted << " of '" << module
                   << "' should have the same length, got " << givenList->size() << " and "
                   << wantedList->size();
  if (wantedList->size() > limit)
    return error() << "'" << module << "' has " << limit << " " << what << (limit == 1 ? "" : "s")
                   << ", but " << wanted << " has " << wantedList->size() << " layouts";
  for (unsigned index = 0; index < wantedList->size(); ++index)
    ports.push_back({index, (*givenList)[index], (*wantedList)[index]});
  return success();
}

/// Names of a module's inputs in forward() by position, as transformers and the tutorial have them.
static constexpr std::pair<StringRef, unsigned> kInputNames[] = {
    {"hidden_states", 0},       {"input", 0}, {"input_ids", 0},      {"x", 0},
    {"position_embeddings", 1}, {"rope", 1},  {"attention_mask", 2}, {"attn_mask", 2}};

FailureOr<unsigned> StyleReader::getInputIndex(StringRef name) {
  SmallVector<StringRef> names;
  for (auto [known, index] : kInputNames) {
    if (index != 0 && kind != ModuleKind::Container)
      continue;
    if (known == name)
      return index;
    names.push_back(known);
  }
  InFlightDiagnostic diagnostic = error() << "'" << module << "' has no input called '" << name
                                          << "'" << suggest(name, names) << "; inputs are ";
  llvm::interleaveComma(names, diagnostic);
  return diagnostic;
}

LogicalResult StyleReader::readKeywords() {
  const Expression *given = get("input_kwarg_layouts"),
                   *wanted = get("desired_input_kwarg_layouts");
  if (!given && !wanted)
    return success();
  for (const Expression *value : {given, wanted})
    if (!value || value->kind != Expression::Dictionary)
      return error() << "input_kwarg_layouts and desired_input_kwarg_layouts of '" << module
                     << "' should both be dictionaries of layouts by name";
  for (const auto &[name, layout] : wanted->named) {
    auto match = llvm::find_if(given->named,
                               [&, key = name](const auto &entry) { return entry.first == key; });
    if (match == given->named.end() || given->named.size() != wanted->named.size())
      return error() << "input_kwarg_layouts and desired_input_kwarg_layouts of '" << module
                     << "' should name the same inputs";
    FailureOr<unsigned> index = getInputIndex(name);
    if (failed(index))
      return failure();
    FailureOr<std::optional<Placement>> from = toPlacement(match->second, "input_kwarg_layouts");
    FailureOr<std::optional<Placement>> to = toPlacement(layout, "desired_input_kwarg_layouts");
    if (failed(from) || failed(to))
      return failure();
    style.inputs.push_back({*index, *from, *to});
  }
  return success();
}

/// transformers' styles of whole parameters. ReplicateParallel also says that values are whole.
LogicalResult StyleReader::readReplicated() {
  style.split = ParameterSplit::Replicated;
  if (call.text == "ReplicateParallel") {
    style.inputs.push_back({0, Placement::replicate(), Placement::replicate(), /*isImplied=*/true});
    style.outputs.push_back({0, std::nullopt, Placement::replicate()});
  }
  return success();
}

LogicalResult StyleReader::readPrepare() {
  unsigned inputs = kind == ModuleKind::Container ? 3 : 1;
  if (failed(readPorts("input_layouts", "desired_input_layouts", "input", inputs, style.inputs)) ||
      failed(readKeywords()))
    return failure();
  return readPorts("output_layouts", "desired_output_layouts", "output", 1, style.outputs);
}

LogicalResult StyleReader::readFamily() {
  if (call.text == "ReplicateParallel" || call.text == "ReplicatedWithGradAllReduce")
    return readReplicated();
  if (call.text == "SequenceParallel")
    return readSequence();
  if (call.text == "ColwiseParallel" || call.text == "RowwiseParallel")
    return readLinear();
  if (call.text != "GatherParallel")
    return readPrepare();
  style.outputs.push_back({0, std::nullopt, Placement::replicate()});
  return success();
}

FailureOr<ModuleStyle> StyleReader::read() {
  if (failed(translate()) || failed(bind()))
    return failure();
  style.name = call.text;
  return failed(readFamily()) ? FailureOr<ModuleStyle>(failure()) : std::move(style);
}

FailureOr<ModuleStyle> tpc::resolveStyle(const PlanRule &rule, StringRef module, ModuleKind kind) {
  return StyleReader(rule, module, kind).read();
}
