//===- EmitPlan.cpp - a plan in the words of other stacks -----------------------===//
//
// What optimization changed is read off the partitioned program: where a rule asks for a whole
// value and the module in fact takes or leaves it split along its features, the request is left
// out.
//
//===----------------------------------------------------------------------===//

#include "Partition.h"
#include "tpc/Frontend/PlanEdits.h"

using namespace mlir;
using namespace tpc;

namespace {
/// A rule as it is written in the end.
struct FinalRule {
  const PlanRule *rule;
  RuleTarget target;
  std::string style; ///< a constructor call
  bool keepsHeads = false;
};

class PlanWriter {
public:
  PlanWriter(const CompileOptions &options, const Plan &plan, const Report &report,
             ModuleOp program)
      : options(options), report(report), context(program.getContext()) {
    for (const PlanRule &rule : plan.rules)
      if (std::optional<RuleTarget> target = findTarget(rule, program))
        rules.push_back(finish(rule, *target));
  }
  LogicalResult printPytorch(llvm::raw_ostream &os);
  LogicalResult printHuggingFace(llvm::raw_ostream &os);

private:
  FinalRule finish(const PlanRule &rule, const RuleTarget &target) const;
  const ModuleReport *find(StringRef module) const;
  LogicalResult printHeads(llvm::raw_ostream &os);

  const CompileOptions &options;
  const Report &report;
  MLIRContext *context;
  std::vector<FinalRule> rules;
};
} // namespace

const ModuleReport *PlanWriter::find(StringRef module) const {
  auto found = llvm::find_if(report.modules,
                             [&](const ModuleReport &entry) { return entry.name == module; });
  return found == report.modules.end() ? nullptr : &*found;
}

/// Is a value split along its features in the end ("A -> B": in B)?
static bool isSplitAtEnd(ArrayRef<std::string> layouts) {
  if (layouts.empty())
    return false;
  StringRef layout = layouts.front();
  size_t arrow = layout.rfind("-> ");
  return layout.substr(arrow == StringRef::npos ? 0 : arrow).contains("Shard(2) on tp");
}

FinalRule PlanWriter::finish(const PlanRule &rule, const RuleTarget &target) const {
  FinalRule final{&rule, target, getStyleCall(rule.style, target.kind)};
  const ModuleReport *module = find(target.module);
  if (!module || target.kind != ModuleKind::Linear)
    return final;
  bool colwise = StringRef(final.style).starts_with("ColwiseParallel");
  StringRef argument = colwise ? "output_layouts" : "input_layouts";
  if (!StringRef(final.style).contains((argument + "=Replicate()").str()) ||
      !isSplitAtEnd(colwise ? module->outputs : module->inputs))
    return final;
  final.style = dropArgument(final.style, argument, context);
  final.keepsHeads = StringRef(target.module).contains("self_attn.");
  if (colwise && !final.keepsHeads) // whoever takes the output has to know that it is split
    final.style = StringRef(final.style).drop_back().str() +
                  (StringRef(final.style).ends_with("()") ? "" : ", ") + "use_local_output=False)";
  return final;
}

//===-- PyTorch ----------------------------------------------------------------===//

/// What the attention module has to do where it gets its queries split.
LogicalResult PlanWriter::printHeads(llvm::raw_ostream &os) {
  if (llvm::none_of(rules, [](const FinalRule &rule) { return rule.keepsHeads; }))
    return success();
  FailureOr<LlamaConfig> config = loadLlamaConfig(options.model, context);
  if (failed(config))
    return failure();
  int64_t size = 1;
  for (const MeshAxis &axis : options.import.mesh.axes)
    size = axis.name == "tp" ? axis.size : size;
  os << "# Heads stay split, which the model has to know: in self_attn.forward view queries with "
     << config->heads << " // " << size << " = " << config->heads / size << " heads";
  if (config->kvHeads % size == 0) {
    os << ",\n# keys and values with " << config->kvHeads << " // " << size << " = "
       << config->kvHeads / size << " (num_heads // tp, num_key_value_heads // tp).\n";
    return success();
  }
  os << ",\n# keys and values with all " << config->kvHeads
     << "; after repeat_kv keep those of heads ["
     << "rank * " << config->heads / size << " : (rank + 1) * " << config->heads / size << "].\n";
  return success();
}

LogicalResult PlanWriter::printPytorch(llvm::raw_ostream &os) {
  LogicalResult result = success();
  for (const FinalRule &rule : rules)
    if (StringRef(rule.style).starts_with("ReplicatedWithGradAllReduce") ||
        StringRef(rule.style).starts_with("GatherParallel"))
      result = emitError(rule.rule->styleLoc) << "'" << rule.rule->pattern << "' is " << rule.style
                                              << ", which PyTorch has no class for";
  if (failed(result) || failed(printHeads(os)))
    return failure();
  os << "# Here as in tpc.plan: from torch.distributed.tensor import Replicate, Shard;\n"
        "# from torch.distributed.tensor.parallel import *\n"
        "plan = {\n";
  for (const FinalRule &rule : rules) {
    if (StringRef(rule.style).starts_with("ReplicateParallel")) {
      os << "    # " << rule.rule->pattern << ": replicated, as what has no rule\n";
      continue;
    }
    os << "    \"" << rule.rule->pattern << "\": " << rule.style << ",\n";
  }
  os << "}\n";
  return success();
}

//===-- Hugging Face -----------------------------------------------------------===//

LogicalResult PlanWriter::printHuggingFace(llvm::raw_ostream &os) {
  LogicalResult result = success();
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
  os << "base_model_tp_plan = {\n" << base << "}\ntp_plan = {\n" << head << "}\n";
  return success();
}

LogicalResult tpc::emitPlan(const CompileOptions &options, PlanFormat format,
                            MLIRContext *context) {
  FailureOr<MachineModel> machine = loadMachine(options, context);
  OwningOpRef<ModuleOp> program = loadProgram(options, context);
  FailureOr<Plan> plan = program ? getPlan(options.plan, *program) : FailureOr<Plan>(failure());
  if (failed(machine) || failed(plan))
    return failure();
  FailureOr<Report> report = failure();
  {
    RemarkCollector collector(context, /*silent=*/false);
    report = reportOn(options, *machine, context);
  }
  if (failed(report))
    return failure();
  PlanWriter writer(options, *plan, *report, *program);
  std::string text;
  llvm::raw_string_ostream os(text);
  LogicalResult result =
      format == PlanFormat::Pytorch ? writer.printPytorch(os) : writer.printHuggingFace(os);
  if (succeeded(result))
    llvm::outs() << text;
  return result;
}
