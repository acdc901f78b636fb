//===- EmitPlan.cpp - a plan in the words of other stacks -----------------------===//
//
// What optimization changed is read off the partitioned program: where a rule asks for a whole
// value and the module in fact takes or leaves it split along its features, the request is left
// out. PyTorch runs the model's own code on the shards, so what this code has to know of them is
// said in comments.
//
//===----------------------------------------------------------------------===//

#include "Partition.h"
#include "tpc/Frontend/PlanEdits.h"
#include "tpc/Pipelines/WriteProgram.h"

using namespace mlir;
using namespace tpc;

namespace {
/// A rule as it is written in the end.
struct FinalRule {
  const PlanRule *rule;
  RuleTarget target;
  std::string style;                ///< a constructor call
  std::vector<std::string> modules; ///< that it is about
};

class PlanWriter {
public:
  PlanWriter(const CompileOptions &options, const Plan &plan, const Report &report,
             const LlamaConfig &config, ModuleOp program);
  LogicalResult printPytorch(llvm::raw_ostream &os);
  LogicalResult printHuggingFace(llvm::raw_ostream &os);

private:
  FinalRule finish(const PlanRule &rule, const RuleTarget &target, ModuleOp program) const;
  std::string finishLinear(std::string style, const ModuleReport &module) const;
  bool makesWholeHeads(StringRef module) const;
  const ModuleReport *find(StringRef module) const;
  bool isSplitAlongFeatures(StringRef layout) const;
  bool leavesSplit(StringRef name) const;
  bool arrivesSplit(const ModuleReport &module) const;
  bool hasSplitHeads() const;
  LogicalResult checkHeads() const;
  LogicalResult checkPytorch() const;
  std::vector<std::string> getKeys(const FinalRule &rule) const;
  void printHeads(llvm::raw_ostream &os) const;
  void printInputs(llvm::raw_ostream &os) const;

  const Report &report;
  const LlamaConfig &config;
  MLIRContext *context;
  int64_t ranks = 1; ///< of the axis that styles split
  std::string splitFeatures =
      "Shard(2) on tp"; ///< layout of activations that it splits along their features
  std::vector<FinalRule> rules;
};
} // namespace

PlanWriter::PlanWriter(const CompileOptions &options, const Plan &plan, const Report &report,
                       const LlamaConfig &config, ModuleOp program)
    : report(report), config(config), context(program.getContext()) {
  ArrayRef<MeshAxis> axes = options.import.mesh.axes;
  for (const MeshAxis &axis : axes)
    if (axis.name == (options.tpAxis.empty() ? "tp" : options.tpAxis) || axes.size() == 1) {
      ranks = axis.size;
      splitFeatures = "Shard(2) on " + axis.name;
    }
  for (const PlanRule &rule : plan.rules)
    if (std::optional<RuleTarget> target = findTarget(rule, program))
      rules.push_back(finish(rule, *target, program));
}

//===-- what optimization made of rules ----------------------------------------===//

const ModuleReport *PlanWriter::find(StringRef module) const {
  auto found = llvm::find_if(report.modules,
                             [&](const ModuleReport &entry) { return entry.name == module; });
  return found == report.modules.end() ? nullptr : &*found;
}

static bool isInAttention(StringRef module) { return module.contains("self_attn."); }

bool PlanWriter::isSplitAlongFeatures(StringRef layout) const {
  return layout.contains(splitFeatures);
}

/// Does `module` hand its output on split along its features ("A -> B": as B)?
bool PlanWriter::leavesSplit(StringRef name) const {
  const ModuleReport *module = find(name);
  if (!module || module->outputs.empty())
    return false;
  StringRef layout = module->outputs.front();
  size_t arrow = layout.rfind("-> ");
  return isSplitAlongFeatures(layout.substr(arrow == StringRef::npos ? 0 : arrow));
}

/// Does its input arrive split ("A -> B": as A)? That of o_proj does only if queries leave so: here
/// attention may split whole heads by itself, in PyTorch it does not.
bool PlanWriter::arrivesSplit(const ModuleReport &module) const {
  if (isInAttention(module.name) &&
      !leavesSplit((StringRef(module.name).rsplit('.').first + ".q_proj").str()))
    return false;
  return !module.inputs.empty() &&
         isSplitAlongFeatures(StringRef(module.inputs.front()).split(" -> ").first);
}

static std::string addArgument(StringRef style, StringRef argument) {
  return (style.drop_back() + (style.ends_with("()") ? "" : ", ") + argument + ")").str();
}

/// Keys and values that PyTorch cannot split by heads: a shard of rows is no whole head there.
bool PlanWriter::makesWholeHeads(StringRef module) const {
  return (module.ends_with(".k_proj") || module.ends_with(".v_proj")) &&
         config.kvHeads % ranks != 0;
}

std::string PlanWriter::finishLinear(std::string style, const ModuleReport &module) const {
  bool colwise = StringRef(style).starts_with("ColwiseParallel");
  StringRef argument = colwise ? "output_layouts" : "input_layouts";
  bool asksWhole = StringRef(style).contains((argument + "=Replicate()").str());
  if (makesWholeHeads(module.name) && colwise) {
    style = dropArgument(dropArgument(style, argument, context), "use_local_output", context);
    return addArgument(style, "output_layouts=Replicate(), use_local_output=False");
  }
  if (!asksWhole || (colwise ? !leavesSplit(module.name) : !arrivesSplit(module)))
    return style;
  style = dropArgument(style, argument, context);
  // Whoever takes the output has to know that it is split.
  return colwise && !isInAttention(module.name) ? addArgument(style, "use_local_output=False")
                                                : style;
}

FinalRule PlanWriter::finish(const PlanRule &rule, const RuleTarget &target,
                             ModuleOp program) const {
  FinalRule final{&rule, target, getStyleCall(rule.style, target.kind), findModules(rule, program)};
  if (const ModuleReport *module = find(target.module))
    if (target.kind == ModuleKind::Linear)
      final.style = finishLinear(final.style, *module);
  return final;
}

//===-- what the model has to know ---------------------------------------------===//

/// Do queries stay split?
bool PlanWriter::hasSplitHeads() const {
  return llvm::any_of(rules, [&](const FinalRule &rule) {
    return StringRef(rule.target.module).ends_with("self_attn.q_proj") &&
           leavesSplit(rule.target.module);
  });
}

LogicalResult PlanWriter::checkHeads() const {
  if (!hasSplitHeads() || config.heads % ranks == 0)
    return success();
  return emitError(NameLoc::get(StringAttr::get(context, "--mesh")))
         << "other stacks split whole heads evenly, got " << config.heads
         << " heads for tp=" << ranks;
}

/// What attention does where it gets its queries split.
void PlanWriter::printHeads(llvm::raw_ostream &os) const {
  if (!hasSplitHeads() || ranks == 1)
    return;
  int64_t heads = config.heads / ranks;
  os << "# Heads stay split, which the model has to know: in self_attn.forward view queries with "
     << config.heads << " // " << ranks << " = " << heads << " heads,\n";
  if (config.kvHeads % ranks == 0)
    os << "# keys and values with " << config.kvHeads << " // " << ranks << " = "
       << config.kvHeads / ranks << " (num_heads // tp, num_key_value_heads // tp).\n";
  else
    os << "# keys and values with all " << config.kvHeads
       << ", each made a tensor by .to_local(grad_placements=[Partial()]), or their gradients\n"
          "# miss those of other ranks; after repeat_kv keep those of heads [rank * "
       << heads << " : (rank + 1) * " << heads << "].\n";
}

//===-- PyTorch ----------------------------------------------------------------===//

/// PyTorch's keys begin at the model's root; ours may leave out "model.".
static std::string getFullKey(const FinalRule &rule) {
  StringRef pattern = rule.rule->pattern;
  bool isFull = pattern.count('.') == StringRef(rule.target.module).count('.');
  return (isFull ? "" : "model.") + pattern.str();
}

/// What the model, and who calls it, has to know of values that a rule splits.
static StringRef getAdvice(const FinalRule &rule) {
  StringRef style = rule.style;
  bool splitsSequence = style.contains("output_layouts=Shard(1)");
  if (StringRef(rule.target.module).ends_with(".self_attn") && style.contains("(input_layouts"))
    return "is called with its input by position; where it is by name, as in transformers, write\n"
           "#   {\"hidden_states\": ...} as input_kwarg_layouts and desired_input_kwarg_layouts";
  if (rule.target.kind == ModuleKind::Embedding && splitsSequence)
    return "splits the sequence: give the model position_ids, and a mask if there is one, of the\n"
           "#   whole sequence, which it would count on a shard otherwise";
  if (rule.target.module == "lm_head" && style.contains("use_local_output=False") &&
      !style.contains("output_layouts"))
    return "leaves logits split: compute the loss, and its backward, within loss_parallel()";
  return "";
}

void PlanWriter::printInputs(llvm::raw_ostream &os) const {
  for (const FinalRule &rule : rules)
    if (StringRef advice = getAdvice(rule); !advice.empty())
      os << "# " << getFullKey(rule) << " " << advice << ".\n";
}

LogicalResult PlanWriter::checkPytorch() const {
  LogicalResult result = checkHeads();
  for (const FinalRule &rule : rules)
    if (StringRef(rule.style).starts_with("ReplicatedWithGradAllReduce") ||
        StringRef(rule.style).starts_with("GatherParallel"))
      result = emitError(rule.rule->styleLoc) << "'" << rule.rule->pattern << "' is " << rule.style
                                              << ", which PyTorch has no class for";
  return result;
}

static int64_t countWildcards(const FinalRule &rule) {
  return llvm::count_if(StringRef(rule.rule->pattern),
                        [](char c) { return StringRef("*?[").contains(c); });
}

/// A pattern, or, where a more exact key has some of its modules, the other modules: PyTorch would
/// distribute the parameters of those twice.
std::vector<std::string> PlanWriter::getKeys(const FinalRule &rule) const {
  bool hasParameters = llvm::is_contained(
      {ModuleKind::Linear, ModuleKind::Embedding, ModuleKind::Norm}, rule.target.kind);
  std::vector<std::string> own;
  for (const std::string &module : rule.modules)
    if (llvm::none_of(rules, [&](const FinalRule &other) {
          return countWildcards(other) < countWildcards(rule) &&
                 llvm::is_contained(other.modules, module);
        }))
      own.push_back(module);
  return hasParameters && own.size() < rule.modules.size() ? own : std::vector{getFullKey(rule)};
}

LogicalResult PlanWriter::printPytorch(llvm::raw_ostream &os) {
  if (failed(checkPytorch()))
    return failure();
  printHeads(os);
  printInputs(os);
  os << "# Here as in tpc.plan: from torch.distributed.tensor import Replicate, Shard;\n"
        "# from torch.distributed.tensor.parallel import *\n"
        "plan = {\n";
  for (const FinalRule &rule : rules) {
    for (const std::string &key : getKeys(rule))
      if (StringRef(rule.style).starts_with("ReplicateParallel"))
        os << "    # " << key << ": replicated, as what has no rule\n";
      else
        os << "    \"" << key << "\": " << rule.style << ",\n";
  }
  os << "}\n";
  return success();
}

//===-- Hugging Face -----------------------------------------------------------===//

LogicalResult PlanWriter::printHuggingFace(llvm::raw_ostream &os) {
  LogicalResult result = checkHeads();
  std::string base, head;
  for (const FinalRule &rule : rules) {
    StringRef word = getPlanString(rule.style, rule.target.kind, context);
    if (word.empty()) {
      result = emitError(rule.rule->styleLoc)
               << "'" << rule.rule->pattern
               << "' cannot be said in Hugging Face's plan strings: " << rule.style;
      continue;
    }
    StringRef key = rule.rule->pattern;
    (void)(key.consume_front("base_model.") || key.consume_front("model."));
    (StringRef(rule.target.module).starts_with("model.") ? base : head) +=
        ("    \"" + key + "\": \"" + word + "\",\n").str();
  }
  if (failed(result))
    return failure();
  printHeads(os);
  os << "base_model_tp_plan = {\n" << base << "}\ntp_plan = {\n" << head << "}\n";
  return success();
}

LogicalResult tpc::emitPlan(const CompileOptions &options, PlanFormat format,
                            MLIRContext *context) {
  FailureOr<MachineModel> machine = loadMachine(options, context);
  OwningOpRef<ModuleOp> program = loadProgram(options, context);
  FailureOr<Plan> plan = program ? getPlan(options.plan, *program) : FailureOr<Plan>(failure());
  auto write = [&](StringRef text) {
    return writeOutput(options.output, context, [&](raw_ostream &os) { os << text; });
  };
  if (succeeded(plan) && format == PlanFormat::Yaml)
    return write(printPlan(*plan));
  FailureOr<LlamaConfig> config = loadLlamaConfig(options.model, context);
  if (failed(machine) || failed(plan) || failed(config))
    return failure();
  FailureOr<Report> report = failure();
  {
    RemarkCollector collector(context, /*silent=*/false);
    report = reportOn(options, *machine, context);
  }
  if (failed(report))
    return failure();
  PlanWriter writer(options, *plan, *report, *config, *program);
  std::string text;
  llvm::raw_string_ostream os(text);
  LogicalResult result =
      format == PlanFormat::Pytorch ? writer.printPytorch(os) : writer.printHuggingFace(os);
  return succeeded(result) ? write(text) : failure();
}
