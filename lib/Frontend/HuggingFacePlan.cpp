//===- HuggingFacePlan.cpp - the plan that a model carries, --plan=hf ----------===//
//
// transformers merges two dictionaries: `base_model_tp_plan` of the model's configuration, whose
// keys are names within the base model, and `_tp_plan` of the class with the head, whose keys are
// full names and win (modeling_utils.py, PreTrainedModel.post_init). A field of config.json
// replaces the dictionary of its class: `base_model_tp_plan` the first, `tp_plan` the second.
//
//===----------------------------------------------------------------------===//

#include "ConfigReader.h"
#include "PlanSource.h"

using namespace mlir;
using namespace tpc;

/// LlamaConfig.base_model_tp_plan (models/llama/configuration_llama.py).
static constexpr StringRef kBasePlan = R"(- plan:
    layers.*.self_attn.q_proj: colwise
    layers.*.self_attn.k_proj: colwise
    layers.*.self_attn.v_proj: colwise
    layers.*.self_attn.o_proj: rowwise
    layers.*.mlp.gate_proj: colwise
    layers.*.mlp.up_proj: colwise
    layers.*.mlp.down_proj: rowwise
)";

/// LlamaForCausalLM._tp_plan (models/llama/modeling_llama.py).
static constexpr StringRef kHeadPlan = R"(- plan:
    lm_head: colwise_gather_output
)";

namespace {
/// Reads plan dictionaries out of a configuration.
class TableReader {
public:
  TableReader(const llvm::json::Object &object, StringRef text, StringRef path,
              MLIRContext *context)
      : reader(object, text, path, context) {}

  /// The rules of `field`, or `standard`'s if there is no such field.
  FailureOr<Plan> read(StringRef field, StringRef standard, MLIRContext *context) {
    const llvm::json::Object *table = reader.getObject(field);
    if (!table)
      return reader.failed() ? FailureOr<Plan>(failure())
                             : parsePlan(standard, "--plan=hf", context);
    Plan plan;
    for (const auto &[key, value] : *table) {
      Location loc = reader.getLocation(key, field);
      std::optional<StringRef> style = value.getAsString();
      if (!style)
        return emitError(loc) << "the style of '" << key.str() << "' in " << field
                              << " should be a plan string such as \"colwise\"";
      plan.rules.push_back({StringRef(key).str(), "", style->str(), loc, loc});
    }
    llvm::sort(plan.rules, [](const PlanRule &a, const PlanRule &b) {
      return getPosition(a) < getPosition(b); // a JSON object forgets its order
    });
    return plan;
  }

private:
  static std::pair<unsigned, unsigned> getPosition(const PlanRule &rule) {
    auto loc = cast<FileLineColLoc>(rule.keyLoc);
    return {loc.getLine(), loc.getColumn()};
  }

  ConfigReader reader;
};
} // namespace

/// Without the prefix of the base model.
static StringRef getBaseName(StringRef pattern) {
  if (!pattern.consume_front("base_model."))
    pattern.consume_front("model.");
  return pattern;
}

/// Python's dict.update: `second` wins.
static Plan merge(Plan first, Plan second) {
  llvm::erase_if(first.rules, [&](const PlanRule &rule) {
    return llvm::any_of(second.rules, [&](const PlanRule &other) {
      return getBaseName(rule.pattern) == getBaseName(other.pattern);
    });
  });
  llvm::append_range(first.rules, std::move(second.rules));
  return first;
}

FailureOr<Plan> tpc::getHuggingFacePlan(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>(TPCDialect::kModel);
  auto text = model ? model.getAs<StringAttr>("config") : StringAttr();
  if (!text)
    return module.emitError("--plan=hf needs a model of Hugging Face form, this module has no "
                            "configuration: give a plan file, or --plan=auto");
  std::string path = "config.json";
  if (auto loc = dyn_cast<FileLineColLoc>(module.getLoc()))
    path = loc.getFilename().str();
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text.getValue());
  const llvm::json::Object *object = parsed ? parsed->getAsObject() : nullptr;
  if (!object) {
    llvm::consumeError(parsed.takeError());
    return module.emitError("--plan=hf: the module's configuration should be a JSON object");
  }
  TableReader reader(*object, text.getValue(), path, module.getContext());
  FailureOr<Plan> base = reader.read("base_model_tp_plan", kBasePlan, module.getContext());
  FailureOr<Plan> head = reader.read("tp_plan", kHeadPlan, module.getContext());
  if (failed(base) || failed(head))
    return failure();
  return merge(std::move(*base), std::move(*head));
}
