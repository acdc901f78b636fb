// Training, checkpoints, exports and bad inputs, end to end on a program written by hand; ranks are
// threads.
#include "HandMadeProgram.h"
#include "IO/Safetensors.h"
#include "TemporaryFolder.h"
#include "Train/Checkpoint.h"
#include "Train/Options.h"
#include "Train/Training.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

using namespace tpc;
using namespace tpc::runtime;

namespace {

/// Floating-point operations per second that utilization is measured by here.
constexpr double peakOfTest = 1e9;

/// Runs the program on `tp` ranks; returns the message of the failure, empty if there is none.
std::string run(int tp, std::vector<std::string> flags, const std::string &manifestText) {
  Manifest manifest = parseManifest(manifestText);
  tpc_program compiled = {manifestText.data(),     static_cast<int64_t>(manifestText.size()),
                          test::handMadeEntries(), test::handMadeEntryCount,
                          &tpc_cpu_backend,        nullptr};
  std::vector<const char *> words = {"program", "--quiet"};
  for (const std::string &flag : flags)
    words.push_back(flag.c_str());
  auto communicators = createInProcessCommunicators(tp, {});
  std::vector<std::thread> ranks;
  std::vector<std::string> failures(static_cast<size_t>(tp));
  for (int rank = 0; rank < tp; ++rank)
    ranks.emplace_back([&, rank] {
      tpc_context context(manifest.mesh, manifest.collectives,
                          std::move(communicators[static_cast<size_t>(rank)]));
      try {
        Options options =
            parseOptions(static_cast<int>(words.size()), words.data(), manifest.train);
        Program program(compiled, manifest, context);
        if (manifest.train)
          train(program, options, peakOfTest);
        else
          runForward(program, options);
        context.communicator->finish();
      } catch (const Error &error) {
        if (!context.communicator->failed())
          context.fail(error.what());
        failures[static_cast<size_t>(rank)] = context.communicator->failure();
      }
    });
  for (std::thread &rank : ranks)
    rank.join();
  for (const std::string &failure : failures)
    EXPECT_EQ(failure.empty(), failures[0].empty()); // all ranks end alike
  return failures[0];
}

std::string train(int tp, std::vector<std::string> flags) {
  return run(tp, std::move(flags), test::handMadeManifest(tp));
}

std::string tokens(int count) {
  std::string bytes;
  unsigned seed = 7;
  for (int i = 0; i < count; ++i)
    bytes += static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 28), bytes += '\0';
  return bytes;
}

std::vector<nlohmann::json> readLines(const std::string &path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    lines.push_back(nlohmann::json::parse(line));
  return lines;
}

std::vector<float> readTensor(const std::string &path, const std::string &name) {
  SafetensorsFile file(path);
  const StoredTensor *tensor = file.find(name);
  std::vector<float> values(static_cast<size_t>(tensor->elements()));
  readElements(*tensor, 0, tensor->elements(), values.data());
  return values;
}

class Train : public testing::Test {
protected:
  std::vector<std::string> flags(int steps, std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"--data",        data, "--steps", std::to_string(steps),
                                    "--decay-steps", "6",  "--lr",    "0.1",
                                    "--warmup",      "2",  "--seed",  "3"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  test::TemporaryFolder folder;
  std::string data = folder.write("t.bin", tokens(40));
  const std::string table = "model.embed_tokens.weight";
};

TEST_F(Train, SameOnOneAndTwoRanks) {
  for (int tp : {1, 2}) {
    std::string name = std::to_string(tp);
    EXPECT_EQ(
        train(tp, flags(5, {"--metrics", folder / name + ".jsonl", "--export-hf", folder / name})),
        "");
  }
  auto one = readLines(folder / "1.jsonl"), two = readLines(folder / "2.jsonl");
  ASSERT_EQ(one.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(one[i]["step"], i + 1);
    EXPECT_NEAR(one[i]["loss"].get<double>(), two[i]["loss"].get<double>(), 1e-6);
    EXPECT_NEAR(one[i]["grad_norm"].get<double>(), two[i]["grad_norm"].get<double>(), 1e-6);
    for (const char *key :
         {"tokens_per_s", "mfu", "memory_bytes", "seconds", "communication_seconds"})
      EXPECT_GE(one[i][key].get<double>(), 0) << key;
  }
  // 24 operations per token, 2 x 4 tokens a step.
  for (const auto &record : one)
    EXPECT_DOUBLE_EQ(record["mfu"].get<double>(),
                     24 * 8 / record["seconds"].get<double>() / peakOfTest);
  EXPECT_DOUBLE_EQ(one[0]["lr"].get<double>(), 0.01);
  EXPECT_DOUBLE_EQ(one[1]["lr"].get<double>(), 0.055);
  EXPECT_DOUBLE_EQ(one[4]["lr"].get<double>(), 0.1 * 0.5); // half way along the cosine from 2 to 6
  EXPECT_EQ(one[0]["epoch"], 0);
  EXPECT_EQ(one[4]["epoch"], 1); // nine sequences, two a step: the tenth is the first again
  EXPECT_EQ(readTensor(folder / "1/model.safetensors", table),
            readTensor(folder / "2/model.safetensors", table));
  EXPECT_EQ(nlohmann::json::parse(std::ifstream(folder / "1/config.json"))["model_type"],
            "by-hand");
}

TEST_F(Train, LearnsOnTheBatchesAsDefined) {
  EXPECT_EQ(train(2, flags(1, {"--dump-gradients", folder / "g", "--export-hf", folder / "after"})),
            "");
  EXPECT_EQ(train(2, flags(0, {"--export-hf", folder / "before"})), "");
  auto before = readTensor(folder / "before/model.safetensors", table);
  auto after = readTensor(folder / "after/model.safetensors", table),
       gradient = readTensor(folder / "g", table);
  std::string raw = tokens(40);
  std::vector<double> expected(before.size());
  for (size_t i = 0; i < 8;
       ++i) // sequences 0 and 1 are tokens 0..7, targets one later; the vector starts as ones
    for (size_t d = 0; d < 4; ++d) {
      size_t at = static_cast<size_t>(raw[2 * i]) * 4 + d;
      expected[at] += (before[at] - raw[2 * i + 2] / 16.0) / 8;
    }
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(gradient[i], expected[i], 1e-6);
    EXPECT_NEAR(after[i], before[i] - 0.01 * expected[i], 1e-6);
  }
}

TEST_F(Train, ResumedRunsContinueExactlyOnAnyMesh) {
  EXPECT_EQ(
      train(2, flags(6, {"--metrics", folder / "whole.jsonl", "--export-hf", folder / "whole"})),
      "");
  EXPECT_EQ(train(2, flags(3, {"--save", folder / "ckpt", "--save-every", "2"})), "");
  EXPECT_TRUE(std::filesystem::exists(folder / "ckpt/step-00000002/index.json"));
  EXPECT_TRUE(std::filesystem::exists(folder / "ckpt/step-00000003/index.json"));
  std::filesystem::copy(folder / "ckpt", folder / "copy", std::filesystem::copy_options::recursive);
  for (auto [tp, name] : {std::pair(2, "ckpt"), std::pair(1, "copy")}) {
    std::string out = folder / std::string("out-") + name;
    EXPECT_EQ(train(tp, flags(6, {"--save", folder / name, "--resume", "--metrics", out + ".jsonl",
                                  "--export-hf", out})),
              "");
    auto rest = readLines(out + ".jsonl"), whole = readLines(folder / "whole.jsonl");
    ASSERT_EQ(rest.size(), 3u);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(rest[i]["loss"].get<double>(), whole[i + 3]["loss"].get<double>(),
                  tp == 2 ? 0 : 1e-6);
    auto a = readTensor(out + "/model.safetensors", table),
         b = readTensor(folder / "whole/model.safetensors", table);
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i], b[i], tp == 2 ? 0 : 1e-6);
  }
}

TEST_F(Train, ReplicatedParametersAreStoredOnce) {
  EXPECT_EQ(train(2, flags(1, {"--save", folder / "ckpt"})), "");
  SafetensorsFile zero(folder / "ckpt/step-00000001/rank-0.safetensors");
  SafetensorsFile one(folder / "ckpt/step-00000001/rank-1.safetensors");
  EXPECT_EQ(zero.tensors().size(), 6u); // two parameters with their two moments
  EXPECT_EQ(one.tensors().size(), 3u);  // the second half of the table
  EXPECT_EQ(one.find(table)->shape, (std::vector<int64_t>{8, 4}));
}

TEST_F(Train, LoadsHuggingFaceFoldersAndCheckpoints) {
  EXPECT_EQ(train(2, flags(2, {"--export-hf", folder / "hf", "--save", folder / "ckpt"})), "");
  for (const char *source : {"hf", "ckpt", "ckpt/step-00000002"}) {
    EXPECT_EQ(train(2, flags(0, {"--load", folder / source, "--export-hf", folder / "again"})), "");
    EXPECT_EQ(readTensor(folder / "hf/model.safetensors", table),
              readTensor(folder / "again/model.safetensors", table));
  }
}

TEST_F(Train, ForwardWritesTheWholeLogits) {
  EXPECT_EQ(train(2, flags(0, {"--export-hf", folder / "hf"})), "");
  EXPECT_EQ(run(2, {"--data", data, "--load", folder / "hf", "--logits", folder / "l"},
                test::handMadeManifest(2, "forward")),
            "");
  auto weights = readTensor(folder / "hf/model.safetensors", table),
       logits = readTensor(folder / "l", "logits");
  ASSERT_EQ(logits.size(), 2u * 4 * 16);
  for (size_t i = 0; i < 8; ++i)
    for (size_t row = 0; row < 16; ++row)
      EXPECT_EQ(logits[i * 16 + row], weights[row * 4] + static_cast<float>(tokens(40)[2 * i]));
}

TEST_F(Train, HeldOutLossBeforeAndAfter) {
  std::string heldOut = folder.write("held.bin", tokens(30));
  EXPECT_EQ(train(2, flags(20, {"--validation", heldOut, "--metrics", folder / "m", "--decay-steps",
                                "20"})),
            "");
  auto lines = readLines(folder / "m");
  ASSERT_EQ(lines.size(), 22u);
  EXPECT_EQ(lines[0]["step"], 0);
  EXPECT_EQ(lines[21]["step"], 20);
  EXPECT_LT(lines[21]["validation_loss"].get<double>(),
            0.9 * lines[0]["validation_loss"].get<double>());
}

TEST_F(Train, IgnoredTargetsDoNotCount) {
  std::string two; // targets alternate between 0 and 2; all zeros are ignored
  for (int i = 0; i < 20; ++i)
    two += i % 2 ? std::string("\2\0", 2) : std::string("\0\0", 2);
  std::string path = folder.write("two.bin", two);
  EXPECT_EQ(train(2, {"--data", path, "--steps", "1", "--ignore-index", "0", "--dump-gradients",
                      folder / "g"}),
            "");
  auto gradient = readTensor(folder / "g", table);
  EXPECT_NE(gradient[0], 0); // token 0 has target 2
  for (size_t i = 4; i < gradient.size(); ++i)
    EXPECT_EQ(gradient[i], 0);
}

TEST_F(Train, RefusesWeightsOfAnotherModel) {
  EXPECT_EQ(train(1, flags(1, {"--export-hf", folder / "hf", "--save", folder / "ckpt"})), "");
  std::string wider = test::handMadeManifest(1, "train", 8);
  EXPECT_NE(run(1, flags(1, {"--load", folder / "hf"}), wider)
                .find("is [16, 4], this program has [16, 8]"),
            std::string::npos);
  EXPECT_NE(run(1, flags(1, {"--load", folder / "ckpt"}), wider).find("is of another model"),
            std::string::npos);
  EXPECT_NE(
      run(1, flags(1, {"--save", folder / "ckpt", "--resume"}), wider).find("is of another model"),
      std::string::npos);
  auto load = [&] { return train(1, flags(1, {"--load", folder / "hf"})); };
  folder.write("hf/config.json", R"({"model_type": "by-hand", "hidden_size": 5})");
  EXPECT_NE(load().find("hidden_size is 5, this program has 4"), std::string::npos);
  folder.write("hf/config.json", R"({"model_type": "gpt2"})");
  EXPECT_NE(load().find("model_type is \"gpt2\", this program has \"by-hand\""), std::string::npos);
  folder.write("hf/config.json", "[]");
  EXPECT_NE(load().find("config.json is of another model: its configuration is no JSON object"),
            std::string::npos);
  std::filesystem::remove(folder / "hf/config.json");
  EXPECT_NE(load().find("config.json: No such file"), std::string::npos);
  EXPECT_NE(train(2, flags(1, {"--load", folder / "none"})).find("no such folder"),
            std::string::npos);
  std::filesystem::create_directory(folder / "empty");
  EXPECT_NE(train(2, flags(1, {"--load", folder / "empty"})).find("neither model.safetensors nor"),
            std::string::npos);
}

TEST_F(Train, RefusesDamagedCheckpoints) {
  EXPECT_EQ(train(2, flags(1, {"--save", folder / "ckpt"})), "");
  std::string file = folder / "ckpt/step-00000001/rank-1.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 8);
  EXPECT_NE(train(2, flags(2, {"--save", folder / "ckpt", "--resume"})).find("rank-1.safetensors"),
            std::string::npos);
  folder.write("ckpt/step-00000001/index.json", "{");
  EXPECT_NE(
      train(2, flags(2, {"--save", folder / "ckpt", "--resume"})).find("index.json is damaged"),
      std::string::npos);
}

TEST_F(Train, AFolderWithLaterStepsOfAnotherRunIsRefused) {
  EXPECT_EQ(train(1, flags(3, {"--save", folder / "ckpt"})), "");
  std::string message = "it has step 3 of another run: go on from that with --resume";
  EXPECT_NE(train(2, flags(2, {"--save", folder / "ckpt"})).find(message), std::string::npos);
  EXPECT_NE(train(2, flags(3, {"--save", folder / "ckpt", "--save-every", "2"})).find(message),
            std::string::npos);
  EXPECT_EQ(train(2, flags(3, {"--save", folder / "ckpt"})), ""); // replaces it
  EXPECT_EQ(train(2, flags(5, {"--save", folder / "ckpt"})), ""); // becomes the last
  EXPECT_EQ(train(2, flags(2, {"--save", folder / "ckpt", "--resume"})), "");
}

TEST_F(Train, WhatIsNotFiniteIsNotSaved) {
  EXPECT_EQ(train(2, flags(1, {"--save", folder / "ckpt"})), "");
  size_t entries = folder.entries();
  for (const char *to : {"--save", "--export-hf"}) { // the rate overflows f32 after the gradients
    std::string said = train(2, flags(1, {"--lr", "1e300", "--warmup", "0", to, folder / "none"}));
    EXPECT_NE(said.find(table + " has values that are not finite, so it is not saved"),
              std::string::npos)
        << said;
    EXPECT_FALSE(std::filesystem::exists(folder / "none/model.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(folder / "none/step-00000001"));
    std::filesystem::remove(folder / "none"); // fails unless it is empty
    EXPECT_EQ(folder.entries(), entries) << to;
  }
  EXPECT_NE(train(2, flags(2, {"--lr", "1e300", "--save", folder / "ckpt", "--resume"})), "");
  EXPECT_EQ(train(2, flags(2, {"--save", folder / "ckpt", "--resume"})), ""); // from step 1
}

TEST_F(Train, RefusesLyingCheckpointIndices) {
  EXPECT_EQ(train(1, flags(2, {"--save", folder / "ckpt"})), "");
  auto index = nlohmann::json::parse(std::ifstream(folder / "ckpt/step-00000002/index.json"));
  const std::pair<const char *, const char *> lies[] = {
      {R"({"step": -5})", "its step is -5"},
      {R"({"step": 1e17})", "its step is 1e+17"},
      {R"({"step": 2.7})", "its step is 2.7"},
      {R"({"step": "2"})", "its step is \"2\""},
      {R"({"step": 9000000000000000000})", "its step is 9000000000000000000"},
      {R"({"step": 18446744073709551615})", "its step is 18446744073709551615"},
      {R"({"step": 1})", "its index.json is of step 1"},
      {R"({"seed": 0.5})", "its seed is 0.5"},
      {R"({"data": 5})", "is damaged"},
      {R"({"tpc_checkpoint": 2})", "has a version that this program does not know"},
      {R"({"model": 3})", "is of another model: its configuration is no JSON object"},
      {R"({"model": {"vocab_size": 17}})", "vocab_size is 17, this program has 16"}};
  for (auto [change, message] : lies) {
    auto lying = index;
    lying.merge_patch(nlohmann::json::parse(change));
    folder.write("ckpt/step-00000002/index.json", lying.dump());
    std::string said = train(1, flags(3, {"--save", folder / "ckpt", "--resume"}));
    EXPECT_NE(said.find(message), std::string::npos) << change << ": " << said;
  }
  index["model"] = nullptr; // a merge would remove it
  folder.write("ckpt/step-00000002/index.json", index.dump());
  EXPECT_NE(train(1, flags(3, {"--save", folder / "ckpt", "--resume"}))
                .find("is of another model: its configuration is no JSON object"),
            std::string::npos);
}

TEST_F(Train, ACopiedCheckpointMayHaveAnyName) {
  EXPECT_EQ(train(1, flags(2, {"--save", folder / "ckpt"})), "");
  std::filesystem::rename(folder / "ckpt/step-00000002", folder / "best");
  EXPECT_EQ(train(1, flags(1, {"--load", folder / "best"})), "");
}

TEST_F(Train, AFailingRankStopsAll) {
  std::string big =
      folder.write("big.bin", tokens(39) + std::string("\20\0", 2)); // 16 at position 39
  EXPECT_NE(train(2, {"--data", big, "--steps", "1"}).find("token 16 at position 39"),
            std::string::npos);
  EXPECT_NE(train(2, flags(1, {"--metrics", folder / "none/m"})).find("cannot write"),
            std::string::npos);
  EXPECT_NE(train(2, flags(1, {"--lr", "1e30", "--warmup", "0", "--steps", "6"}))
                .find("training diverged"),
            std::string::npos);
}

TEST(Options, RefusesBadFlags) {
  auto parse = [](std::vector<const char *> words, bool train = true) {
    words.insert(words.begin(), "program");
    return parseOptions(static_cast<int>(words.size()), words.data(), train);
  };
  EXPECT_EQ(parse({"--data", "x", "--betas", "0.8,0.95"}).betas, (std::vector<double>{0.8, 0.95}));
  EXPECT_ERROR(parse({"--data", "x", "--betas", "0.9"}), "--betas");
  EXPECT_ERROR(parse({"--data", "x", "--betas", "0.9,1.5"}), "--betas");
  EXPECT_ERROR(parse({"--data", "x", "--steps", "many"}), "--steps");
  EXPECT_ERROR(parse({"--data", "x", "--steps", "-1"}), "--steps");
  EXPECT_ERROR(parse({"--data", "x", "--lr", "-1"}), "--lr");
  EXPECT_ERROR(parse({"--data", "x", "--lr", "nan"}), "--lr");
  EXPECT_ERROR(parse({"--data", "x", "--init", "zeros"}), "zeros");
  EXPECT_ERROR(parse({"--data", "x", "--comm", "pigeon"}), "pigeon");
  EXPECT_ERROR(parse({"--data", "x", "--data-dtype", "u8"}), "u8");
  EXPECT_ERROR(parse({"--data", "x", "--threads-per-rank", "0"}), "--threads-per-rank");
  EXPECT_ERROR(parse({"--data", "x", "--no-such-flag"}), "--no-such-flag");
  EXPECT_ERROR(parse({"--data", "x", "--save-every", "2"}), "--save-every needs --save");
  EXPECT_ERROR(parse({"--data", "x", "--save", "s", "--resume", "--load", "l"}),
               "exclude each other");
  EXPECT_ERROR(parse({}), "--data is required");
  EXPECT_ERROR(parse({"--data", "x"}, false), "--load is required");
  EXPECT_ERROR(parse({"--data", "x", "--load", "l"}, false), "--logits is required");
  EXPECT_ERROR(parse({"--data", "x", "--steps", "3"}, false),
               "--steps"); // a forward program takes none
  EXPECT_ERROR(parse({"--data", "x", "--seed", "99999999999999999999"}), "does not fit");
  EXPECT_THROW(parse({"--help"}), HelpAsked);
}

TEST(Options, WhatRanksMustHaveAlikeHasOneSpelling) {
  auto together = [](std::vector<const char *> words) {
    words.insert(words.begin(), {"program", "--data", "x"});
    auto pairs = parseOptions(static_cast<int>(words.size()), words.data(), true).together;
    return std::map<std::string, std::string>(pairs.begin(), pairs.end());
  };
  auto standard = together({});
  EXPECT_EQ(standard.at("--lr"), "0.001");
  EXPECT_EQ(standard.at("--save"), "not given");
  EXPECT_EQ(together({"--lr", "1e-3", "--betas", "0.90,.99", "--steps", "100", "--timeout", "9",
                      "--threads-per-rank", "3", "--quiet", "--metrics", "m", "--data", "y"}),
            standard);
  for (std::vector<const char *> words :
       std::vector<std::vector<const char *>>{{"--lr", "2e-3"},
                                              {"--seed", "1"},
                                              {"--betas", "0.9,0.98"},
                                              {"--steps", "9"},
                                              {"--init", "torch"},
                                              {"--data-dtype", "u32"},
                                              {"--save", "s"},
                                              {"--deterministic"}}) {
    auto other = together(words);
    for (auto &[name, value] : standard)
      EXPECT_EQ(other.at(name) == value, name != words[0]) << name << " " << other.at(name);
  }
}

} // namespace
