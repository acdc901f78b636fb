// Reading the manifest's collectives, and every rule they must keep.
#include "tpc/runtime/Collective.h"
#include "tpc/runtime/Error.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace tpc::runtime;
using nlohmann::json;

namespace {
json gatherEntry() {
  return json::parse(R"({
    "index": 0, "op": "all_gather", "axes": [{"axis": "tp", "pre": 1, "size": 2}], "groups": [[0, 1], [2, 3]],
    "reduction": "sum", "dim": 1, "dtype": "bf16",
    "operands": [{"input_shape": [2, 256, 768], "output_shape": [2, 512, 768]}],
    "module": "model.layers.0.self_attn", "location": "tutorial.yaml:9"})");
}

Collective parseOne(const json &entry, int world = 4) {
  return parseCollectives(json{{"collectives", json::array({entry})}}, world).at(0);
}

std::string errorOf(const json &entry, int world = 4) {
  try {
    parseOne(entry, world);
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

json changed(const char *pointer, const json &value) {
  json entry = gatherEntry();
  entry[json::json_pointer(pointer)] = value;
  return entry;
}

const std::string kName =
    "collective 0 (all_gather over tp, module model.layers.0.self_attn, tutorial.yaml:9): ";

TEST(Collective, Parse) {
  Collective collective = parseOne(gatherEntry());
  EXPECT_EQ(collective.op, CollectiveOp::AllGather);
  EXPECT_EQ(collective.dim, 1);
  EXPECT_EQ(collective.dtype, TPC_BF16);
  EXPECT_EQ(collective.groupOf(2), (std::vector<int>{2, 3}));
  EXPECT_EQ(collective.inputBytes(), 2u * 256 * 768 * 2);
  EXPECT_EQ(collective.describe() + ": ", kName);
}

TEST(Collective, SubAxesAreNamed) {
  json entry = changed(
      "/axes",
      json::parse(R"([{"axis": "dp", "pre": 1, "size": 2}, {"axis": "tp", "pre": 2, "size": 2}])"));
  entry["groups"] = json::parse("[[0, 1, 2, 3]]");
  entry["operands"][0]["output_shape"] = {2, 1024, 768};
  EXPECT_NE(parseOne(entry).describe().find("over dp,tp:2(2),"), std::string::npos);
}

TEST(Collective, AllToAllAndPermute) {
  json entry = json::parse(
      R"({"index": 0, "op": "all_to_all", "groups": [[0, 1]], "split_dim": 0, "concat_dim": 1,
    "dtype": "f32", "operands": [{"input_shape": [4, 3], "output_shape": [2, 6]}]})");
  EXPECT_EQ(parseOne(entry, 2).concatDim, 1);
  entry["operands"][0]["output_shape"] = {4, 3};
  EXPECT_NE(errorOf(entry, 2).find("gives output shape [2,6], got [4,3]"), std::string::npos);
  json permute =
      json::parse(R"({"index": 0, "op": "permute", "groups": [[0, 1]], "pairs": [[0, 1], [1, 0]],
    "dtype": "i1", "operands": [{"input_shape": [4], "output_shape": [4]}]})");
  EXPECT_EQ(parseOne(permute, 2).pairs.size(), 2u);
  permute["pairs"] = json::parse("[[0, 1], [1, 1]]");
  EXPECT_NE(errorOf(permute, 2).find("at most once as source and as destination"),
            std::string::npos);
}

TEST(Collective, RulesAreNamed) {
  EXPECT_EQ(errorOf(changed("/operands/0/output_shape", {2, 500, 768})),
            kName + "input shape [2,256,768] gives output shape [2,512,768], got [2,500,768]");
  EXPECT_EQ(errorOf(changed("/dim", 3)),
            kName + "dimension 3 is out of range for shape [2,256,768]");
  EXPECT_EQ(errorOf(changed("/groups", json::parse("[[0, 1], [2]]"))),
            kName + "all groups must have the same size");
  EXPECT_EQ(errorOf(changed("/groups", json::parse("[[0, 1], [2, 2]]"))),
            kName + "groups must partition the ranks 0..3, got rank 2 twice or out of range");
  EXPECT_EQ(errorOf(changed("/groups", json::parse("[[0, 1]]"))),
            kName + "groups must partition the 4 ranks, got 2");
  EXPECT_EQ(errorOf(changed("/operands", json::array())),
            kName + "a collective needs groups and operands");
  EXPECT_EQ(errorOf(changed("/index", 3)).find("collective 3 "), 0u);
}

TEST(Collective, ScattersMustDivideAndBooleansDoNotReduce) {
  json entry = changed("/op", "reduce_scatter");
  entry["operands"][0] =
      json::parse(R"({"input_shape": [2, 255, 768], "output_shape": [2, 127, 768]})");
  EXPECT_NE(errorOf(entry).find("dimension 1 of [2,255,768] must be divisible by the group size 2"),
            std::string::npos);
  entry = changed("/op", "all_reduce");
  entry["dtype"] = "i1";
  EXPECT_NE(errorOf(entry).find("i1 cannot be reduced"), std::string::npos);
}

TEST(Collective, UnknownWordsAndMissingFields) {
  EXPECT_EQ(errorOf(changed("/op", "broadcast")), "manifest: unknown collective 'broadcast'");
  EXPECT_EQ(errorOf(changed("/dtype", "f8")), "manifest: unknown element type 'f8'");
  EXPECT_EQ(errorOf(changed("/reduction", "mean")), "manifest: unknown reduction 'mean'");
  json entry = gatherEntry();
  entry.erase("dim");
  EXPECT_EQ(errorOf(entry).find("manifest: malformed collectives: "), 0u);
}
} // namespace
