//===- ExplainTest.cpp - how reports name things --------------------------------===//

#include "mlir/IR/Builders.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Explain/FoldLayers.h"
#include "tpc/Explain/PrintReport.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace tpc;

TEST(FoldLayers, NumbersOfLayersBecomeStars) {
  EXPECT_EQ(foldLayers("model.layers.0.mlp"), "model.layers.*.mlp");
  EXPECT_EQ(foldLayers("tpc.contract of model.layers.11"), "tpc.contract of model.layers.*");
  EXPECT_EQ(foldLayers("'a.1.b' and 'a.22.b'"), "'a.*.b' and 'a.*.b'");
}

TEST(FoldLayers, OtherNumbersStay) {
  EXPECT_EQ(foldLayers("plan.yaml:15:5"), "plan.yaml:15:5");
  EXPECT_EQ(foldLayers("saves 1.5 MB of 3 boxes"), "saves 1.5 MB of 3 boxes");
  EXPECT_EQ(foldLayers("model.fc1.weight"), "model.fc1.weight");
  EXPECT_EQ(foldLayers("model.2d"), "model.2d");
}

TEST(FormatBytes, InThousands) {
  EXPECT_EQ(formatBytes(0), "0 B");
  EXPECT_EQ(formatBytes(999), "999 B");
  EXPECT_EQ(formatBytes(1536), "1.54 kB");
  EXPECT_EQ(formatBytes(88163332), "88.16 MB");
  EXPECT_EQ(formatBytes(2500000000), "2.50 GB");
}

namespace {
struct ProvenanceTest : testing::Test {
  Location place(StringRef name) { return NameLoc::get(StringAttr::get(&context, name)); }
  Location line(unsigned number) { return FileLineColLoc::get(&context, "plan.yaml", number, 5); }
  static std::vector<std::string> getPlaces(Location loc) {
    std::vector<std::string> places;
    for (const ChainLink &link : getChain(loc))
      places.push_back(link.place);
    return places;
  }
  MLIRContext context;
};
} // namespace

TEST_F(ProvenanceTest, ChainEndsAtTheCollective) {
  Location loc = FusedLoc::get(
      &context, {getRequestLoc(line(15), "mlp.down"), getDecisionLoc("mlp.down.weight", line(9))});
  EXPECT_EQ(getModuleName(loc), "mlp.down");
  EXPECT_EQ(getAnnotation(loc), line(15));
  EXPECT_EQ(getPlaces(loc), (std::vector<std::string>{"plan.yaml:9:5", "mlp.down.weight",
                                                      "mlp.down", "plan.yaml:15:5"}));
}

TEST_F(ProvenanceTest, RecordsStayWithTheirLinks) {
  Builder builder(&context);
  ArrayAttr record = builder.getStrArrayAttr({"from operand 1", "lost: operand 0"});
  Location loc =
      FusedLoc::get(&context, {place("mlp.down"), getRecordedLoc(place("mlp.up"), record)});
  EXPECT_EQ(getModuleName(loc), "mlp.down");
  std::vector<ChainLink> chain = getChain(getCombinedLoc(&context, {loc, place("norm")}));
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_EQ(chain[1].place, "mlp.up");
  EXPECT_EQ(chain[1].record, (std::vector<std::string>{"from operand 1", "lost: operand 0"}));
  EXPECT_TRUE(chain[0].record.empty() && chain[2].record.empty());
}

TEST_F(ProvenanceTest, FoldedChainsTellLayersOnce) {
  std::vector<ChainLink> chain = {{"head", {}},          {"a.1.b", {"first"}}, {"a.1.c", {}},
                                  {"a.0.b", {"second"}}, {"a.0.c", {}},        {"a.0.d", {}}};
  std::vector<ChainLink> folded = foldChain(chain);
  ASSERT_EQ(folded.size(), 4u);
  EXPECT_EQ(folded[1].place, "a.*.b");
  EXPECT_EQ(folded[1].record, std::vector<std::string>{"first"});
  EXPECT_EQ(folded[3].place, "a.*.d");
}

TEST_F(ProvenanceTest, CombinedOpsStandWhereMostOfThemDo) {
  Location loc = getCombinedLoc(
      &context, {place("optimizer"), place("model.layers.0.norm"), place("model.layers.1.norm")});
  EXPECT_EQ(getModuleName(loc), "model.layers");
  EXPECT_EQ(getPlaces(loc),
            (std::vector<std::string>{"model.layers.1.norm", "model.layers.0.norm", "optimizer"}));
}

TEST_F(ProvenanceTest, CombiningTwiceKeepsMembersApart) {
  Location first = getCombinedLoc(&context, {place("a.b"), place("a.c")});
  Location both = getCombinedLoc(&context, {first, getRequestLoc(line(3), "a.d")});
  EXPECT_EQ(getModuleName(both), "a");
  EXPECT_EQ(getPlaces(both), (std::vector<std::string>{"a.d", "plan.yaml:3:5", "a.c", "a.b"}));
}

TEST_F(ProvenanceTest, NothingIsKnownOfUnknownPlaces) {
  Location unknown = UnknownLoc::get(&context);
  EXPECT_EQ(getModuleName(unknown), "");
  EXPECT_FALSE(getAnnotation(unknown));
  EXPECT_TRUE(getChain(unknown).empty());
}
