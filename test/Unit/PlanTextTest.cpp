//===- PlanTextTest.cpp - plans as text, and the one derived from a graph -------===//

#include "tpc/Frontend/Import.h"
#include "tpc/Frontend/Plan.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace tpc;

namespace {
class PlanTextTest : public ::testing::Test {
protected:
  PlanTextTest() {
    DialectRegistry registry;
    registerUpstreamModels(registry);
    context.appendDialectRegistry(registry);
  }

  static std::vector<std::string> getRules(const Plan &plan) {
    std::vector<std::string> rules;
    for (const PlanRule &rule : plan.rules)
      rules.push_back(rule.prefix + " | " + rule.pattern + " | " + rule.style);
    return rules;
  }

  FailureOr<Plan> derive(StringRef config, int64_t sequence, int64_t tp) {
    FailureOr<LlamaConfig> model = parseLlamaConfig(config, "config.json", &context);
    ImportOptions options;
    options.sequence = sequence;
    options.mesh.axes = {{"tp", tp}};
    module = importLlama(*model, options, &context);
    return getPlan("auto", *module);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

const char *kConfig = R"({"model_type": "llama", "vocab_size": 24, "hidden_size": 24,
  "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6,
  "num_key_value_heads": 3, "head_dim": 8})";

const char *kText = R"(- apply_to: model.layers.*
  plan:
    input_layernorm: SequenceParallel()
    self_attn: PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate())
    self_attn.q_proj: ColwiseParallel()
    self_attn.k_proj: ColwiseParallel()
    self_attn.v_proj: ColwiseParallel()
    self_attn.o_proj: RowwiseParallel(output_layouts=Shard(1))
    post_attention_layernorm: SequenceParallel()
    mlp: PrepareModuleInput(input_layouts=Shard(1), desired_input_layouts=Replicate())
    mlp.gate_proj: ColwiseParallel()
    mlp.up_proj: ColwiseParallel()
    mlp.down_proj: RowwiseParallel(output_layouts=Shard(1))
- plan:
    model.embed_tokens: RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1))
    model.norm: SequenceParallel()
    lm_head: ColwiseParallel(input_layouts=Shard(1), use_local_output=False)
)";
} // namespace

TEST_F(PlanTextTest, DerivedPlanIsMegatrons) {
  FailureOr<Plan> plan = derive(kConfig, 12, 2);
  ASSERT_TRUE(succeeded(plan));
  EXPECT_EQ(printPlan(*plan), kText);
}

TEST_F(PlanTextTest, RulesAreLocatedAtTheirLinesOfTheText) {
  FailureOr<Plan> plan = derive(kConfig, 12, 2);
  ASSERT_TRUE(succeeded(plan));
  auto loc = cast<FileLineColLoc>(plan->rules.front().keyLoc);
  EXPECT_EQ(loc.getFilename(), "--plan=auto");
  EXPECT_EQ(loc.getLine(), 3u);
}

TEST_F(PlanTextTest, OneRankNeedsNoPlan) {
  FailureOr<Plan> plan = derive(kConfig, 12, 1);
  ASSERT_TRUE(succeeded(plan));
  EXPECT_EQ(printPlan(*plan), "[]\n");
}

TEST_F(PlanTextTest, TextReadsBack) {
  FailureOr<Plan> plan = parsePlan(kText, "plan.yaml", &context);
  ASSERT_TRUE(succeeded(plan));
  EXPECT_EQ(printPlan(*plan), kText);
  FailureOr<Plan> empty = parsePlan(printPlan(Plan()), "empty.yaml", &context);
  ASSERT_TRUE(succeeded(empty));
  EXPECT_TRUE(empty->rules.empty());
}

TEST_F(PlanTextTest, WhatYamlWouldMisreadIsQuoted) {
  Plan plan;
  Location loc = UnknownLoc::get(&context);
  plan.rules.push_back({"*.mlp", "", "local", loc, loc});
  plan.rules.push_back({"[ab].x", "",
                        "PrepareModuleInput(input_kwarg_layouts={\"x\": Shard(1)}, "
                        "desired_input_kwarg_layouts={'x': Replicate()})",
                        loc, loc});
  FailureOr<Plan> read = parsePlan(printPlan(plan), "plan.yaml", &context);
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(getRules(*read), getRules(plan));
}

TEST_F(PlanTextTest, UnknownFileFails) {
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  FailureOr<Plan> plan = derive(kConfig, 12, 2);
  ASSERT_TRUE(succeeded(plan));
  EXPECT_TRUE(failed(getPlan("no-such-plan.yaml", *module)));
}
