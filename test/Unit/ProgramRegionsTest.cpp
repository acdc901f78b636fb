//===- ProgramRegionsTest.cpp - what a request decides about --------------------===//

#include "ProgramRegions.h"
#include "ModuleTest.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::test;

namespace {
struct ProgramRegionsTest : ModuleTest {
  /// The names of the ops of every region that has something to choose.
  std::vector<std::vector<std::string>> getRegions() {
    std::vector<std::vector<std::string>> names;
    for (const ProgramRegion &region : findRegions(function)) {
      names.emplace_back();
      for (Operation *op : region.ops)
        names.back().push_back(op->getName().getStringRef().str());
    }
    return names;
  }
  std::string extract(unsigned region) {
    return extractRegion(findRegions(function)[region], function).text;
  }
};
using Regions = std::vector<std::vector<std::string>>;
} // namespace

TEST_F(ProgramRegionsTest, HardRequestsPartRegions) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = math.exp %x : tensor<4xf32>
      %1 = tpc.constrain %0 to <@mesh, [{}]> interior of "a" : tensor<4xf32>
      %2 = tpc.constrain %1 to <@mesh, [{"tp"}]> of "b" : tensor<4xf32>
      %3 = math.log %2 : tensor<4xf32>
      %4 = tpc.constrain %3 to <@mesh, [{}]> interior of "c" : tensor<4xf32>
      return %4 : tensor<4xf32>
    })");
  EXPECT_EQ(getRegions(), (Regions{{"math.exp", "tpc.constrain", "tpc.constrain"},
                                   {"math.log", "tpc.constrain"}}));
}

TEST_F(ProgramRegionsTest, ArgumentsConnectNothing) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
      %0 = math.exp %x : tensor<4xf32>
      %1 = tpc.constrain %0 to <@mesh, [{}]> interior of "a" : tensor<4xf32>
      %2 = math.log %x : tensor<4xf32>
      %3 = tpc.constrain %2 to <@mesh, [{}]> interior of "b" : tensor<4xf32>
      return %1, %3 : tensor<4xf32>, tensor<4xf32>
    })");
  EXPECT_EQ(getRegions(), (Regions{{"math.exp", "tpc.constrain"}, {"math.log", "tpc.constrain"}}));
}

TEST_F(ProgramRegionsTest, WithoutAChoiceThereIsNoRegion) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = math.exp %x : tensor<4xf32>
      %1 = tpc.constrain %0 to <@mesh, [{"tp"}]> of "a" : tensor<4xf32>
      return %1 : tensor<4xf32>
    })");
  EXPECT_TRUE(findRegions(function).empty());
}

/// A derivative that uses values of two regions decides nothing in either; updates belong to
/// nobody.
TEST_F(ProgramRegionsTest, DerivativesBelongWhereTheyUseValues) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%x: tensor<4xf32>, %d: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
      %0 = math.exp %x : tensor<4xf32>
      %1 = tpc.constrain %0 to <@mesh, [{}]> interior of "a" : tensor<4xf32>
      %2 = math.log %x : tensor<4xf32>
      %3 = tpc.constrain %2 to <@mesh, [{}]> interior of "b" : tensor<4xf32>
      %4 = arith.mulf %d, %0 {tpc.backward} : tensor<4xf32>
      %5 = arith.negf %4 {tpc.backward} : tensor<4xf32>
      %6 = arith.addf %0, %2 {tpc.backward} : tensor<4xf32>
      %7 = arith.subf %0, %5 {tpc.update} : tensor<4xf32>
      return %3, %6, %7 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    })");
  EXPECT_EQ(getRegions(), (Regions{{"math.exp", "tpc.constrain", "arith.mulf", "arith.negf"},
                                   {"math.log", "tpc.constrain"}}));
}

TEST_F(ProgramRegionsTest, ParametersWithAnAlternativeAreAChoice) {
  parse(R"(["tp"=2])", R"(
    func.func @f(%w: tensor<4xf32> {tpc.param = #tpc.param<"w", shape = [4], kind = linear, fan_in = 4>,
                                    tpc.alternative = #tpc.layout<@mesh, [{}]>},
                 %v: tensor<4xf32> {tpc.param = #tpc.param<"v", shape = [4], kind = linear, fan_in = 4>}) -> tensor<4xf32> {
      %0 = tpc.use %w : tensor<4xf32>
      %1 = tpc.use %v : tensor<4xf32>
      %2 = arith.addf %0, %1 : tensor<4xf32>
      return %2 : tensor<4xf32>
    })");
  std::vector<ProgramRegion> regions = findRegions(function);
  ASSERT_EQ(regions.size(), 1u);
  EXPECT_TRUE(regions[0].getInteriorRequests().empty());
  ASSERT_EQ(regions[0].getFlexibleParameters().size(), 1u);
  EXPECT_EQ(regions[0].getFlexibleParameters()[0], function.getArgument(0));
}

//===----------------------------------------------------------------------===//
// A region as a program
//===----------------------------------------------------------------------===//

static const char *const twoLayers = R"(
    func.func @f(%x: tensor<4xf32>, %v: tensor<4xf32> {tpc.param = #tpc.param<"0.v", shape = [4], kind = linear, fan_in = 4>},
                 %w: tensor<4xf32> {tpc.param = #tpc.param<"1.w", shape = [4], kind = linear, fan_in = 4>})
        -> (tensor<4xf32>, tensor<4xf32> {tpc.gradient = "1.w"}) {
      %c = arith.constant dense<2.0> : tensor<4xf32>
      %0 = tpc.constrain %x to <@mesh, [{LAYOUT}]> of "0" : tensor<4xf32>
      %1 = tpc.use %v : tensor<4xf32>
      %2 = arith.addf %0, %1 : tensor<4xf32>
      %3 = arith.mulf %2, %c : tensor<4xf32>
      %4 = tpc.constrain %3 to <@mesh, [{}]> interior of "0.a" : tensor<4xf32>
      %5 = tpc.constrain %4 to <@mesh, [{"tp"}]> of "1" : tensor<4xf32>
      %6 = tpc.use %w : tensor<4xf32>
      %7 = arith.addf %5, %6 : tensor<4xf32>
      %8 = arith.mulf %7, %c : tensor<4xf32>
      %9 = tpc.constrain %8 to <@mesh, [{}]> interior of "1.a" : tensor<4xf32>
      %10 = tpc.constrain %9 to <@mesh, [{"tp"}]> of "2" : tensor<4xf32>
      RETURN
    })";

static std::string write(llvm::StringRef layout, llvm::StringRef rest) {
  std::string text = twoLayers;
  text.replace(text.find("LAYOUT"), 6, layout.str());
  return text.replace(text.find("RETURN"), 6, rest.str());
}

TEST_F(ProgramRegionsTest, RegionsThatDifferInNamesHaveOneText) {
  parse(R"(["tp"=2])", write(R"("tp")", "return %10, %x : tensor<4xf32>, tensor<4xf32>"));
  ASSERT_EQ(findRegions(function).size(), 2u);
  EXPECT_EQ(extract(0), extract(1));
}

TEST_F(ProgramRegionsTest, LayoutsAtTheBorderTellRegionsApart) {
  parse(R"(["tp"=2])", write("", "return %10, %x : tensor<4xf32>, tensor<4xf32>"));
  EXPECT_NE(extract(0), extract(1));
}

/// Outside there are the parameter, the input, and what the derivative uses; the constant is made
/// again.
TEST_F(ProgramRegionsTest, AProgramHasWhatComesFromOutsideAndWhatIsUsedThere) {
  parse(R"(["tp"=2])", write(R"("tp")", R"(%11 = arith.mulf %x, %7 {tpc.backward} : tensor<4xf32>
      return %10, %11 : tensor<4xf32>, tensor<4xf32>)"));
  RegionProgram program = extractRegion(findRegions(function)[1], function);
  func::FuncOp region = *program.module->getOps<func::FuncOp>().begin();
  EXPECT_EQ(region.getNumArguments(), 3u);
  ASSERT_EQ(region.getNumResults(), 2u);
  EXPECT_EQ(llvm::range_size(region.getOps<arith::ConstantOp>()), 1u);
  // The parameter is told by a number, and so is its gradient.
  EXPECT_EQ(region.getArgAttrOfType<ParamAttr>(0, TPCDialect::kParam).getName(), "0");
  EXPECT_EQ(region.getResultAttrOfType<StringAttr>(1, TPCDialect::kGradient).getValue(), "0");
  EXPECT_FALSE(region.getResultAttr(0, TPCDialect::kGradient));
}
