// The parts of the training loop that need no program: learning rate, processor check, manifest,
// reports.
#include "HandMadeProgram.h"
#include "TemporaryFolder.h"
#include "Train/CpuCheck.h"
#include "Train/Describe.h"
#include "Train/HuggingFace.h"
#include "Train/Metrics.h"
#include "Train/ModelConfig.h"
#include "Train/ProgressLine.h"
#include "Train/Schedule.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace tpc;
using namespace tpc::runtime;

namespace {

TEST(Schedule, WarmUpThenCosine) {
  Schedule schedule{2, 0.5, 10, 30};
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0.2);
  EXPECT_DOUBLE_EQ(schedule.rate(5), 2 * 0.55);
  EXPECT_DOUBLE_EQ(schedule.rate(10), 2);
  EXPECT_DOUBLE_EQ(schedule.rate(20), 1.25); // half way
  EXPECT_DOUBLE_EQ(schedule.rate(30), 0.5);
  EXPECT_DOUBLE_EQ(schedule.rate(1000), 0.5);
  EXPECT_DOUBLE_EQ((Schedule{1, 0, 0, 20}.rate(0)), 1); // no warm-up
  EXPECT_DOUBLE_EQ((Schedule{1, 0, 20, 10}.rate(15)),
                   0.1 + 0.9 * 0.75); // warm-up outlasts the decay
}

TEST(CpuCheck, NamesWhatIsMissing) {
  test::TemporaryFolder folder;
  auto flags =
      processorFlags(folder.write("cpuinfo", "processor : 0\nflags : fpu cx16 popcnt sse4_1 sse4_2 "
                                             "ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe\n"));
  checkCpu("x86-64", {}, flags);
  checkCpu("x86-64-v2", {}, flags);
  checkCpu("x86-64-v3", {}, flags);
  EXPECT_ERROR(
      checkCpu("x86-64-v4", {}, flags),
      "compiled for x86-64-v4, this machine lacks avx512f, avx512bw, avx512cd, avx512dq, avx512vl");
  checkCpu("haswell", {"+avx2", "+bmi", "+lzcnt", "-avx512f", "+serialize", "sse4.2"}, flags);
  EXPECT_ERROR(checkCpu("graniterapids", {"+avx2", "+amx-fp16"}, flags),
               "graniterapids, this machine lacks amx-fp16");
  checkCpu("x86-64-v4", {}, processorFlags(folder / "none")); // nothing is known: no check
}

TEST(Manifest, ReadsTheHandMadeOne) {
  Manifest manifest = parseManifest(test::handMadeManifest(2));
  EXPECT_TRUE(manifest.train);
  EXPECT_EQ(manifest.mesh.toString(), "tp=2");
  EXPECT_EQ(manifest.flopsPerStep, 24.0 * 8);
  ASSERT_EQ(manifest.parameters.size(), 2u);
  EXPECT_EQ(manifest.parameters[0].placement.localShape, (Shape{8, 4}));
  EXPECT_EQ(manifest.entry("step").inputs[0].name, "tokens");
  EXPECT_EQ(manifest.collectives.size(), 2u);
  EXPECT_ERROR(manifest.entry("walk"), "no entry 'walk'");
}

TEST(Manifest, LengthOfHeads) {
  auto lengthWith = [](const char *model) {
    auto json = nlohmann::json::parse(test::handMadeManifest(2));
    json["model"] = model;
    return parseManifest(json.dump()).headLength;
  };
  EXPECT_EQ(lengthWith(R"({"num_attention_heads": 12, "head_dim": 8, "hidden_size": 48})"), 8);
  EXPECT_EQ(lengthWith(R"({"num_attention_heads": 12, "head_dim": null, "hidden_size": 48})"), 4);
  EXPECT_EQ(lengthWith(R"({"hidden_size": 48})"), 0);
  EXPECT_EQ(lengthWith(""), 0);
}

TEST(Manifest, RefusesDamage) {
  auto change = [](auto &&edit) {
    auto json = nlohmann::json::parse(test::handMadeManifest(2));
    edit(json);
    return json.dump();
  };
  EXPECT_ERROR(parseManifest("{"), "manifest is damaged");
  EXPECT_ERROR(parseManifest(change([](auto &json) { json.erase("batch"); })), "batch");
  EXPECT_ERROR(
      parseManifest(change([](auto &json) { json["arena"].erase("workspace_per_thread"); })),
      "workspace_per_thread");
  EXPECT_ERROR(parseManifest(change([](auto &json) { json["tpc_manifest"] = 2; })),
               "another version");
  EXPECT_ERROR(
      parseManifest(change([](auto &json) { json["parameters"][0]["local_shape"][0] = 7; })),
      "do not fit the global ones");
  EXPECT_ERROR(
      parseManifest(change([](auto &json) { json["parameters"][0]["dims"][0][0]["axis"] = "pp"; })),
      "unknown mesh axis 'pp'");
  EXPECT_ERROR(
      parseManifest(change([](auto &json) { json["parameters"][0]["dims"][0][0]["size"] = 3; })),
      "do not fit the global ones");
}

TEST(Describe, SaysWhatThereIs) {
  std::string text = describe(parseManifest(test::handMadeManifest(2)), 3);
  for (const char *part :
       {"mesh tp=2", "model.embed_tokens.weight  f32  16x4  Shard(0) on tp; here 8x4",
        "Replicate; here 4", "arena of a rank with 3 threads: 2496 bytes",
        "parameters      256 bytes", "workspace       384 bytes (384 bytes): 3 threads x 128",
        "all_reduce over tp", "tokens: 2x4 i32"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Metrics, KeepAllDigits) {
  StepMetrics metrics;
  metrics.loss = static_cast<double>(0.1f);
  metrics.gradientNorm = 1e-7 / 3;
  auto json = nlohmann::json::parse(toJson(metrics));
  EXPECT_EQ(json["loss"].get<double>(), static_cast<double>(0.1f));
  EXPECT_EQ(json["grad_norm"].get<double>(), 1e-7 / 3);
}

TEST(Metrics, WhatWasNotTimedIsNull) {
  StepMetrics metrics;
  EXPECT_EQ(nlohmann::json::parse(toJson(metrics))["communication_seconds"].get<double>(), 0);
  metrics.communicationSeconds.reset();
  EXPECT_TRUE(nlohmann::json::parse(toJson(metrics))["communication_seconds"].is_null());
}

TEST(Metrics, AResumedRunReplacesWhatWentFurther) {
  test::TemporaryFolder folder;
  std::string path = folder.write("m", "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st");
  {
    MetricsFile file(path, 2);
    file.writeValidation(3, 0.5);
  }
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"validation_loss\":0.5}\n");
  {
    MetricsFile fresh(path, 0);
  }
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

TEST(Metrics, NothingElseIsOverwritten) {
  test::TemporaryFolder folder;
  for (const char *text : {"notes", "{", "\1\2\3\4", "[{\"step\":1}]"}) {
    std::string path = folder.write("m", text);
    for (int64_t keep : {0, 5})
      EXPECT_ERROR(MetricsFile(path, keep), "it holds something else, and would be overwritten");
    std::stringstream left;
    left << std::ifstream(path).rdbuf();
    EXPECT_EQ(left.str(), text);
  }
  MetricsFile empty(folder.write("e", ""), 0);
}

TEST(ProgressLine, LeavesOutWhatDoesNotFit) {
  StepMetrics metrics;
  metrics.step = 1234, metrics.loss = 2.5, metrics.learningRate = 1e-3, metrics.gradientNorm = 0.25;
  metrics.tokensPerSecond = 56789, metrics.mfu = 0.5;
  StepsLeft left{600, 1200, 90};
  EXPECT_EQ(progressLine(metrics, 2000, left, true, 200),
            "step 1234/2000  [==========          ]  loss 2.5000  lr 0.001  grad norm 0.25  "
            "56789 tokens/s  mfu 50 %  90 s left");
  EXPECT_EQ(progressLine(metrics, 2000, left, true, 79),
            "step 1234/2000  [==========          ]  loss 2.5000  56789 tokens/s  90 s left");
  EXPECT_EQ(progressLine(metrics, 2000, left, true, 40), "step 1234/2000  loss 2.5000  90 s left");
  EXPECT_EQ(progressLine(metrics, 2000, left, true, 20), "step 1234/2000");
  EXPECT_EQ(progressLine(metrics, 2000, left, true, 6), "step 1");
  EXPECT_EQ(progressLine(metrics, 2000, left, false, 200),
            "step 1234/2000  loss 2.5000  lr 0.001  grad norm 0.25  56789 tokens/s  mfu 50 %  "
            "90 s left");
  for (size_t width = 0; width < 120; ++width)
    EXPECT_LE(progressLine(metrics, 2000, left, true, width).size(), width);
}

TEST(HuggingFace, Names) {
  for (const char *name : {"model.norm.weight", "base_model.norm.weight",
                           "base_model.model.norm.weight", "norm.weight"})
    EXPECT_EQ(canonicalName(name), "norm.weight");
  EXPECT_EQ(canonicalName("lm_head.weight"), "lm_head.weight");
}

/// A small Llama's configuration with `changes` merged into it; null removes a field.
std::string llama(const char *changes) {
  auto json = nlohmann::json::parse(R"({"model_type": "llama", "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 64})");
  json.merge_patch(nlohmann::json::parse(changes));
  return json.dump();
}

TEST(ModelConfig, SpellingsOfOneModelAreEqual) {
  const char *sameModels[][2] = {
      {"{}", R"({"rope_theta": 10000.0, "rms_norm_eps": 1e-06, "hidden_act": "silu"})"},
      {"{}", R"({"num_key_value_heads": 4, "head_dim": 16, "tie_word_embeddings": false})"},
      {"{}", R"({"attention_bias": false, "mlp_bias": false, "rope_scaling": null, "x": 3})"},
      {"{}", R"({"rope_parameters": {"rope_type": "default", "rope_theta": 10000}})"},
      {"{}", R"({"model_type": null, "architectures": ["LlamaForCausalLM"]})"},
      {R"({"rope_theta": 5e5})", R"({"rope_parameters": {"rope_theta": 500000}})"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2}})",
       R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}})"},
      {R"({"rope_theta": 5000, "rope_scaling": {"type": "linear", "factor": 2}})",
       R"({"rope_parameters": {"rope_type": "linear", "factor": 2, "rope_theta": 5000}})"}};
  for (auto &[one, other] : sameModels) {
    EXPECT_EQ(configDifference(llama(one), llama(other)), "");
    EXPECT_EQ(configDifference(llama(other), llama(one)), "");
  }
}

TEST(ModelConfig, DifferencesAreNamed) {
  const char *differences[][3] = {
      {R"({"rope_theta": 500000})", "{}", "rope_theta is 500000, this program has 10000"},
      {"{}", R"({"rope_theta": 500000})", "rope_theta is 10000, this program has 500000"},
      {R"({"rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 5000}})",
       R"({"rope_theta": 10000})", "rope_theta is 5000, this program has 10000"},
      {"{}", R"({"rope_scaling": {"type": "linear", "factor": 4}})",
       R"(rope_type is "default", this program has "linear")"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2}})",
       R"({"rope_scaling": {"type": "linear", "factor": 4}})", "factor is 2, this program has 4"},
      {R"({"rope_theta": 7, "rope_parameters": {"rope_theta": 9}})", R"({"rope_theta": 9})",
       "rope_theta is 7, this program has 9"},
      {"{}", R"({"tie_word_embeddings": true})",
       "tie_word_embeddings is false, this program has true"},
      {"{}", R"({"num_key_value_heads": 2})", "num_key_value_heads is 4, this program has 2"},
      {R"({"hidden_size": null})", "{}", "hidden_size is missing, this program has 64"},
      {R"({"model_type": "gpt2"})", "{}", R"(model_type is "gpt2", this program has "llama")"},
      {R"({"model_type": null})", "{}", R"(model_type is missing, this program has "llama")"},
      {R"({"quantization_config": {"bits": 4}})", "{}",
       R"(quantization_config is {"bits":4}, this program has none)"}};
  for (auto &[theirs, ours, message] : differences)
    EXPECT_EQ(configDifference(llama(theirs), llama(ours)), message);
  for (const char *noObject : {"[]", "null", "3", "{"})
    EXPECT_EQ(configDifference(noObject, llama("{}")), "its configuration is no JSON object");
  EXPECT_EQ(configDifference(llama("{}"), "{}"), ""); // a module's program describes no model
}

TEST(HuggingFace, Shards) {
  test::TemporaryFolder folder;
  auto shard = [&](const std::string &file, const std::string &name) {
    SafetensorsLayout layout({{name, "F32", {1}}});
    folder.write(file, layout.header() + std::string(4, '\0'));
  };
  shard("a.safetensors", "model.x");
  shard("b.safetensors", "y");
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"model.x": "a.safetensors", "y": "b.safetensors"}})");
  HuggingFaceFolder both(folder / "");
  EXPECT_NE(both.find("base_model.x"), nullptr);
  EXPECT_NE(both.find("y"), nullptr);
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"model.x": "a.safetensors", "z": "b.safetensors"}})");
  EXPECT_ERROR(HuggingFaceFolder(folder / ""), "b.safetensors lacks 'z'");
  shard("b.safetensors", "base_model.x");
  EXPECT_ERROR(HuggingFaceFolder(folder / ""), "occurs twice");
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"model.x": "../a.safetensors"}})");
  EXPECT_ERROR(HuggingFaceFolder(folder / ""), "no plain file name");
  folder.write("model.safetensors.index.json", "{}");
  EXPECT_ERROR(HuggingFaceFolder(folder / ""), "weight_map");
}

} // namespace
