//===- ProgramPriceTest.cpp - what programs and their alternatives cost ---------===//

#include "ModuleTest.h"
#include "RegionPricer.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::test;

//===----------------------------------------------------------------------===//
// The order of prices
//===----------------------------------------------------------------------===//

TEST(ProgramPrice, TrafficDecidesBeforeWork) {
  EXPECT_TRUE((ProgramPrice{8, 1e-6, 1000} < ProgramPrice{16, 2e-6, 10}));
  EXPECT_FALSE((ProgramPrice{16, 2e-6, 10} < ProgramPrice{8, 1e-6, 1000}));
}

TEST(ProgramPrice, WorkDecidesWhereTrafficDiffersByRoundingOnly) {
  EXPECT_TRUE((ProgramPrice{8, 1e-6 + 1e-17, 10} < ProgramPrice{8, 1e-6, 1000}));
  EXPECT_FALSE((ProgramPrice{8, 1e-6, 10} < ProgramPrice{8, 1e-6 + 1e-17, 10}));
}

TEST(ProgramPrice, BytesOnFasterLinksAreCheaper) {
  EXPECT_TRUE((ProgramPrice{16, 1e-6, 0} < ProgramPrice{8, 2e-6, 0}));
}

//===----------------------------------------------------------------------===//
// Prices of programs
//===----------------------------------------------------------------------===//

namespace {
struct ProgramPriceTest : ModuleTest {
  FailureOr<ProgramPrice> price() {
    MeshContext mesh = *MeshContext::create(*module);
    ReshardPlanner &planner = **getPlanner(*module, mesh, "shared-memory");
    return priceProgram(function, mesh, planner);
  }
};
} // namespace

/// 4x8 floats, gathered over 2 and then summed over 4 ranks: 64 bytes and 2 * 3/4 * 128.
TEST_F(ProgramPriceTest, ReshardsOfAProgramAddUp) {
  parse(R"(["dp"=2, "tp"=4])", R"(
    func.func @f(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{"dp"}, {}], partial = sum {"tp"}>}) -> tensor<4x8xf32> {
      %0 = tpc.reshard %x to <@mesh, [{}, {}], partial = sum {"tp"}> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}], partial = sum {"tp"}>]} : tensor<4x8xf32>
      %1 = tpc.reshard %0 to <@mesh, [{}, {}]> {tpc.layouts = [#tpc.layout<@mesh, [{}, {}]>]} : tensor<4x8xf32>
      return %1 : tensor<4x8xf32>
    })");
  FailureOr<ProgramPrice> total = price();
  ASSERT_TRUE(succeeded(total));
  EXPECT_DOUBLE_EQ(total->receivedBytes, 64 + 2 * 3 / 4.0 * 128);
  EXPECT_EQ(total->flops, 0);
}

/// 2 * 4 * 6 * 8 operations, shared by two ranks that split the sum.
TEST_F(ProgramPriceTest, RanksShareTheWorkOfWhatTheySplit) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                 %w: tensor<6x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>}) -> tensor<4x6xf32> {
      %0 = tpc.contract %x, %w : [m, k], [n, k] -> [m, n] {tpc.layouts = [#tpc.layout<@mesh, [{}, {}], partial = sum {"tp"}>]} : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
      return %0 : tensor<4x6xf32>
    })");
  FailureOr<ProgramPrice> total = price();
  ASSERT_TRUE(succeeded(total));
  EXPECT_EQ(total->flops, 2 * 4 * 6 * 8 / 2);
  EXPECT_EQ(total->receivedBytes, 0);
}

/// Maxima and sums of two results of 3 floats each are all-reduced over 2 ranks: 2 * 2 * 1/2 * 24.
TEST_F(ProgramPriceTest, OpsThatJoinShardsThemselvesReceiveToo) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<3x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {"tp"}]>},
                 %t: tensor<3xi32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<3xf32> {
      %0, %1 = tpc.cross_entropy %x, %t {tpc.layouts = [#tpc.layout<@mesh, [{}]>, #tpc.layout<@mesh, [{}]>]} : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3xf32>
      return %0 : tensor<3xf32>
    })");
  FailureOr<ProgramPrice> total = price();
  ASSERT_TRUE(succeeded(total)) << messages.front();
  EXPECT_DOUBLE_EQ(total->receivedBytes, 2 * 2 * 1 / 2.0 * 24);
}

TEST_F(ProgramPriceTest, AValueWithoutALayoutHasNoPrice) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{}]>}) -> tensor<4xf32> {
      %0 = math.exp %x : tensor<4xf32>
      return %0 : tensor<4xf32>
    })");
  EXPECT_TRUE(failed(price()));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("has no layout"), std::string::npos) << messages[0];
}

TEST_F(ProgramPriceTest, AnOpThatDoesNotFitItsRuleHasNoPrice) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32> {tpc.layout = #tpc.layout<@mesh, [{"tp"}]>}) -> tensor<4xf32> {
      %0 = math.exp %x {tpc.layouts = [#tpc.layout<@mesh, [{}]>]} : tensor<4xf32>
      return %0 : tensor<4xf32>
    })");
  EXPECT_TRUE(failed(price()));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("does not fit its rule"), std::string::npos) << messages[0];
}

//===----------------------------------------------------------------------===//
// Alternatives of a region
//===----------------------------------------------------------------------===//

/// A column-wise projection whose output is asked for whole, and then split as it was.
static const char *const projection = R"(
    func.func @f(%x: tensor<4x8xf32> {tpc.layout = #tpc.layout<@mesh, [{}, {}]>},
                 %w: tensor<6x8xf32> {tpc.param = #tpc.param<"w", shape = [6, 8], kind = linear, fan_in = 8>,
                                      tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>, tpc.alternative = #tpc.layout<@mesh, [{}, {}]>})
        -> tensor<4x6xf32> {
      %0 = tpc.use %w : tensor<6x8xf32>
      %1 = tpc.contract %x, %0 : [m, k], [n, k] -> [m, n] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
      %2 = tpc.constrain %1 to <@mesh, [{}, {}]> interior of "m.a" : tensor<4x6xf32>
      %3 = tpc.constrain %2 to <@mesh, [{}, {"tp"}]> of "m" : tensor<4x6xf32>
      return %3 : tensor<4x6xf32>
    })";

namespace {
struct RegionPricerTest : ModuleTest {
  std::optional<ProgramPrice> price(RegionAlternative way, llvm::StringRef mode = "ddp") {
    MeshContext mesh = *MeshContext::create(*module);
    ReshardPlanner &planner = **getPlanner(*module, mesh, "shared-memory");
    RegionPricer pricer(mesh, planner, {mode.str(), true}, "shared-memory");
    return pricer.price(extractRegion(findRegions(function).front(), function), way);
  }
};
} // namespace

/// Met, the request gathers half of 24 floats; dropped, nothing moves; with the parameter whole,
/// the rank that computes all has twice the work.
TEST_F(RegionPricerTest, AlternativesArePricedByWhatTheyMove) {
  parse(R"(["tp"=2])", projection);
  EXPECT_EQ(price({false, false, {}})->receivedBytes, 48);
  EXPECT_EQ(price({true, false, {}})->receivedBytes, 0);
  EXPECT_EQ(price({false, true, {}})->receivedBytes, 0);
  EXPECT_EQ(price({false, false, {}})->flops, 2 * 4 * 6 * 8 / 2);
  EXPECT_EQ(price({false, true, {}})->flops, 2 * 4 * 6 * 8);
}

TEST_F(RegionPricerTest, PricingChangesNothingAndSaysNothing) {
  parse(R"(["tp"=2])", projection);
  std::string before, after;
  llvm::raw_string_ostream(before) << *module;
  price({true, true, {}});
  llvm::raw_string_ostream(after) << *module;
  EXPECT_EQ(before, after);
  EXPECT_TRUE(messages.empty());
}

/// Stored in halves of 48 floats on two ranks, a whole parameter is gathered: 96 bytes.
TEST_F(RegionPricerTest, AStoredPartOfAParameterIsGathered) {
  parse(R"(["dp"=2, "tp"=2])", projection);
  EXPECT_EQ(price({true, true, {}}, "zero2")->receivedBytes, 0);
  EXPECT_EQ(price({true, true, {}}, "fsdp")->receivedBytes, 96);
}

/// An op without a sharding rule cannot be split.
TEST_F(RegionPricerTest, WhatCannotBePartitionedHasNoPrice) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4x5xf32>,
                 %w: tensor<3x5xf32> {tpc.param = #tpc.param<"w", shape = [3, 5], kind = linear, fan_in = 5>, tpc.layout = #tpc.layout<@mesh, [{"tp"}, {}]>}) -> tensor<4x3xi32> {
      %0 = tpc.use %w : tensor<3x5xf32>
      %1 = tpc.contract %x, %0 : [s, k], [n, k] -> [s, n] : (tensor<4x5xf32>, tensor<3x5xf32>) -> tensor<4x3xf32>
      %2 = tpc.constrain %1 to <@mesh, [{}, {}]> interior of "up" : tensor<4x3xf32>
      %3 = tensor.bitcast %2 : tensor<4x3xf32> to tensor<4x3xi32>
      return %3 : tensor<4x3xi32>
    })");
  EXPECT_FALSE(price({true, false, {}}));
  EXPECT_TRUE(messages.empty());
}

TEST_F(RegionPricerTest, DroppedRequestsAreCounted) {
  parse(R"(["tp"=2])", projection);
  EXPECT_EQ(dropInterior(function, [](ConstrainOp) { return false; }), 0u);
  EXPECT_EQ(dropInterior(function, [](ConstrainOp) { return true; }), 1u);
  EXPECT_EQ(llvm::range_size(function.getOps<ConstrainOp>()), 1u);
}

TEST_F(RegionPricerTest, SettledParametersHaveOneLayout) {
  parse(R"(["tp"=2])", projection);
  settleParameters(function, [](ParamAttr param) { return param.getName() == "w"; });
  EXPECT_FALSE(function.getArgAttr(1, TPCDialect::kAlternative));
  auto layout = function.getArgAttrOfType<LayoutAttr>(1, TPCDialect::kLayout);
  EXPECT_TRUE(layout.getDims()[0].getAxes().empty());
}

/// The gradient of a parameter that is an argument, and no other result, becomes a new parameter.
TEST_F(RegionPricerTest, UpdatesReturnWhatTheyUpdate) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%w: tensor<4xf32> {tpc.param = #tpc.param<"0", shape = [4], kind = linear, fan_in = 4>})
        -> (tensor<4xf32>, tensor<4xf32> {tpc.gradient = "0"}, tensor<4xf32> {tpc.gradient = "elsewhere"}) {
      %0 = tpc.use %w : tensor<4xf32>
      %1 = math.exp %0 {tpc.backward} : tensor<4xf32>
      return %0, %1, %1 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    })");
  addUpdates(function);
  ASSERT_EQ(function.getNumResults(), 4u);
  EXPECT_EQ(function.getResultAttrOfType<IntegerAttr>(3, TPCDialect::kAlias).getInt(), 0);
  EXPECT_TRUE(succeeded(module->verify()));
}
