//===- TimelineTest.cpp - schedules on the clock of a made-up machine ------------===//
//
// The machine computes 1 product operation a second and moves 1 byte a second over the link after a
// latency of 4 seconds; its memory is free. A contract [2, 2] x [2, 2] has 16 operations: 16 s. The
// all-reduce of 16 bytes over two ranks receives 2 * 1/2 * 16 bytes: 20 s.
//
//===----------------------------------------------------------------------===//

#include "tpc/Explain/Timeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/JSON.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace tpc;

namespace {
struct TimelineTest : testing::Test {
  TimelineTest() {
    registry.insert<func::FuncDialect, TPCDialect>();
    context.appendDialectRegistry(registry);
  }

  MachineModel machine(bool asynchronous) {
    return llvm::cantFail(MachineModel::parse(
        std::string("{name: m, flops: 1, memory_bandwidth: 1.0e+9, links: [{name: l, latency: 4, "
                    "bandwidth: 1, asynchronous: ") +
        (asynchronous ? "true" : "false") + "}], default_link: l}"));
  }

  /// The schedule of a function of %x and %w.
  FailureOr<Timeline> predict(StringRef body, const MachineModel &machine,
                              StringRef attributes = "attributes {tpc.arena = {parameters = 16 : "
                                                     "i64, workspace_per_thread = 8 : i64}}") {
    std::string text = ("module " + attributes +
                        " {\n"
                        "tpc.mesh @mesh <[\"tp\"=2]>\n"
                        "func.func @step(%x: tensor<2x2xf32>, %w: tensor<2x2xf32>) attributes "
                        "{tpc.flops = 32.0 : f64, tpc.palm_flops = 64.0 : f64} {\n" +
                        body + "\nreturn\n}\n}")
                           .str();
    module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    EXPECT_TRUE(module);
    return predictStep(cast<func::FuncOp>(module->lookupSymbol("step")), machine);
  }

  DialectRegistry registry;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

constexpr const char *kProduct = "tpc.contract %x, %w : [m, k], [n, k] -> [m, n] : "
                                 "(tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>\n";
constexpr const char *kReduce = "tpc.all_reduce sum %x over @mesh [\"tp\"] : tensor<2x2xf32>\n";
constexpr const char *kStart = "tpc.all_reduce sum %x over @mesh [\"tp\"] : tensor<2x2xf32> -> "
                               "!tpc.pending<tensor<2x2xf32>>\n";
constexpr const char *kWait = "tpc.wait %p : !tpc.pending<tensor<2x2xf32>>\n";
} // namespace

TEST_F(TimelineTest, SynchronousCollectivesAreExposed) {
  auto timeline =
      predict(std::string("%a = ") + kProduct + "%b = " + kReduce, machine(/*asynchronous=*/true));
  ASSERT_TRUE(succeeded(timeline));
  EXPECT_DOUBLE_EQ(timeline->seconds, 36);
  EXPECT_NEAR(timeline->computeSeconds, 16, 1e-6);
  ASSERT_EQ(timeline->communication.size(), 1u);
  EXPECT_EQ(timeline->communication[0].axes, "tp");
  EXPECT_DOUBLE_EQ(timeline->communication[0].exposed, 20);
  EXPECT_DOUBLE_EQ(timeline->communication[0].hidden, 0);
}

TEST_F(TimelineTest, WhatIsUnderWayWhileTheDeviceComputesIsHidden) {
  auto timeline = predict(std::string("%p = ") + kStart + "%a = " + kProduct + "%b = " + kWait,
                          machine(/*asynchronous=*/true));
  ASSERT_TRUE(succeeded(timeline));
  EXPECT_DOUBLE_EQ(timeline->seconds, 20);
  EXPECT_DOUBLE_EQ(timeline->communication[0].exposed, 4);
  EXPECT_DOUBLE_EQ(timeline->communication[0].hidden, 16);
}

TEST_F(TimelineTest, CollectivesFollowEachOther) {
  // The second begins when the first is through, at 20; its wait at 16 stops for both.
  auto timeline = predict(std::string("%p = ") + kStart + "%q = " + kStart + "%a = " + kProduct +
                              "%c = tpc.wait %q : !tpc.pending<tensor<2x2xf32>>\n%b = " + kWait,
                          machine(/*asynchronous=*/true));
  ASSERT_TRUE(succeeded(timeline));
  EXPECT_DOUBLE_EQ(timeline->seconds, 40);
  EXPECT_DOUBLE_EQ(timeline->communication[0].exposed, 24);
  EXPECT_DOUBLE_EQ(timeline->communication[0].hidden, 16);
  EXPECT_DOUBLE_EQ(timeline->events[1].begin, 20);
}

TEST_F(TimelineTest, BlocksThatAreScatteredAreCopied) {
  // Gathered along dim 1, [2, 4] is 256 bytes of scratch memory, written and read; received are 16
  // bytes. Along dim 0 nothing is copied, nor by a processor.
  auto seconds = [&](int64_t dim, const char *shape, bool asynchronous) {
    MachineModel slow = machine(asynchronous);
    slow.memoryBandwidth = 256;
    auto timeline =
        predict("%g = tpc.all_gather %x dim " + std::to_string(dim) +
                    " over @mesh [\"tp\"] : tensor<2x2xf32> -> tensor<" + shape + "xf32>\n",
                slow);
    return timeline->seconds;
  };
  EXPECT_DOUBLE_EQ(seconds(1, "2x4", /*asynchronous=*/true), 4 + 16 + 2);
  EXPECT_DOUBLE_EQ(seconds(0, "4x2", /*asynchronous=*/true), 4 + 16);
  EXPECT_DOUBLE_EQ(seconds(1, "2x4", /*asynchronous=*/false), 4 + 16);
}

TEST_F(TimelineTest, WhoHasSleptForLongIsWokenUp) {
  // A product of 16 s, after which the first collective wakes the other rank; the second follows.
  MachineModel sleepy = machine(/*asynchronous=*/false);
  sleepy.links[0].wake = {15, 3};
  std::string text = std::string("%a = ") + kProduct + "%b = " + kReduce + "%c = " + kReduce;
  EXPECT_DOUBLE_EQ(predict(text, sleepy)->seconds, 16 + (3 + 20) + 20);
  sleepy.links[0].wake.after = 17;
  EXPECT_DOUBLE_EQ(predict(text, sleepy)->seconds, 16 + 20 + 20);
}

TEST_F(TimelineTest, NothingIsHiddenWhereTheWaitDoesTheWork) {
  auto timeline = predict(std::string("%p = ") + kStart + "%a = " + kProduct + "%b = " + kWait,
                          machine(/*asynchronous=*/false));
  ASSERT_TRUE(succeeded(timeline));
  EXPECT_DOUBLE_EQ(timeline->seconds, 36);
  EXPECT_DOUBLE_EQ(timeline->communication[0].exposed, 20);
  EXPECT_DOUBLE_EQ(timeline->communication[0].hidden, 0);
}

TEST_F(TimelineTest, UtilizationIsOfAllDevices) {
  // 32 and 64 operations in 16 seconds on two devices of 1 operation a second.
  auto timeline = predict(std::string("%a = ") + kProduct, machine(true));
  ASSERT_TRUE(succeeded(timeline));
  EXPECT_NEAR(timeline->mfuCausal, 1, 1e-6);
  EXPECT_NEAR(timeline->mfuPalm, 2, 1e-6);
}

TEST_F(TimelineTest, MemoryIsTheArenas) {
  auto timeline = predict("", machine(true));
  ASSERT_TRUE(succeeded(timeline));
  ASSERT_FALSE(timeline->memory.empty());
  EXPECT_EQ(timeline->memory[0].name, "parameters");
  EXPECT_EQ(timeline->memory[0].bytes, 16);
  EXPECT_EQ(timeline->workspacePerThread, 8);
  EXPECT_EQ(timeline->mfuCausal, 0); // nothing to do in no time
}

TEST_F(TimelineTest, NeedsPlannedMemory) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  EXPECT_TRUE(failed(predict("", machine(true), "")));
  EXPECT_EQ(message, "expects planned memory; tpc-plan-memory attaches tpc.arena");
}

TEST_F(TimelineTest, TracesAreTraceEvents) {
  auto timeline = predict(std::string("%p = ") + kStart + "%a = " + kProduct + "%b = " + kWait,
                          machine(/*asynchronous=*/true));
  ASSERT_TRUE(succeeded(timeline));
  std::string text;
  llvm::raw_string_ostream os(text);
  printTrace(*timeline, os);
  auto json = llvm::json::parse(text);
  ASSERT_TRUE(bool(json)) << llvm::toString(json.takeError());
  const llvm::json::Array *events = json->getAsObject()->getArray("traceEvents");
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 4u); // two names of tracks, two ops
  const llvm::json::Object &reduce = *(*events)[2].getAsObject();
  EXPECT_EQ(reduce.getString("ph"), "X");
  EXPECT_EQ(reduce.getString("name"), "all_reduce");
  EXPECT_EQ(reduce.getInteger("tid"), 1);
  EXPECT_EQ(reduce.getNumber("dur"), 20e6);
  const llvm::json::Object &args = *reduce.getObject("args");
  EXPECT_EQ(args.getString("axes"), "tp");
  EXPECT_EQ(args.getInteger("bytes"), 16);
  EXPECT_EQ(args.getNumber("exposed_us"), 4e6);
  EXPECT_EQ((*events)[3].getAsObject()->getString("name"), "contract");
}

//===-- machine models ---------------------------------------------------------===//

namespace {
std::string messageOf(const std::string &more) {
  auto machine = MachineModel::parse(
      "{name: m, flops: 100, memory_bandwidth: 10, links: [{name: l, latency: 1, bandwidth: 1}], "
      "default_link: l, " +
      more + "}");
  return machine ? "" : llvm::toString(machine.takeError());
}

MachineModel parsed(const std::string &more) {
  return llvm::cantFail(
      MachineModel::parse("{name: m, flops: 100, memory_bandwidth: 10, links: [], " + more + "}"));
}
} // namespace

TEST(MachineModel, OpsAreBoundByArithmeticOrMemory) {
  MachineModel machine =
      parsed("types: [{type: f32, flops: 50}], launch: 3, efficiency: {contract: "
             "0.5, memory: 0.5}, cache: {bytes: 8, bandwidth: 40}");
  EXPECT_DOUBLE_EQ(machine.getSeconds({WorkKind::Contract, 100, 10, "bf16"}), 3 + 2);
  EXPECT_DOUBLE_EQ(machine.getSeconds({WorkKind::Contract, 100, 10, "f32"}), 3 + 4);
  EXPECT_DOUBLE_EQ(machine.getSeconds({WorkKind::Attention, 100, 10, "f32"}), 3 + 2);
  EXPECT_DOUBLE_EQ(machine.getSeconds({WorkKind::Elementwise, 1000, 10, "f32"}), 3 + 2);
  EXPECT_DOUBLE_EQ(machine.getSeconds({WorkKind::Elementwise, 0, 8, "f32"}), 3 + 0.4);
}

TEST(MachineModel, CollectivesHavePiecesOfTheirOwn) {
  LinkModel link;
  link.latency = 9, link.bandwidth = 1;
  link.collectives = {{{1, 10}, "all_gather", 100}, {{2, 20}, "all_gather", 1000}};
  EXPECT_EQ(link.getTransfer(CollectiveKind::AllGather, 100).latency, 1);
  EXPECT_EQ(link.getTransfer(CollectiveKind::AllGather, 101).latency, 2);
  EXPECT_EQ(link.getTransfer(CollectiveKind::AllGather, 5000).latency, 2);
  EXPECT_EQ(link.getTransfer(CollectiveKind::AllReduce, 100).latency, 9);
}

TEST(MachineModel, RefusesWhatMakesNoSense) {
  EXPECT_EQ(messageOf("launch: 1"), "");
  EXPECT_EQ(messageOf("launch: -1"), "machine model 'm': launch must not be negative");
  EXPECT_EQ(messageOf("types: [{type: bf16, flops: 0}]"),
            "machine model 'm': flops of type 'bf16' must be positive");
  EXPECT_EQ(messageOf("efficiency: {attention: 1.5}").substr(0, 62),
            "machine model 'm': an efficiency must be above 0 and at most 1");
  EXPECT_EQ(messageOf("cache: {bytes: 1, bandwidth: 0}"),
            "machine model 'm': cache needs bytes of at least zero and a positive bandwidth");
}

TEST(MachineModel, RefusesCollectivesThatMakeNoSense) {
  auto message = [](const std::string &collectives) {
    auto machine =
        MachineModel::parse("{name: m, flops: 1, memory_bandwidth: 1, default_link: l, "
                            "links: [{name: l, latency: 1, bandwidth: 1, collectives: [" +
                            collectives + "]}]}");
    return machine ? "" : llvm::toString(machine.takeError());
  };
  EXPECT_EQ(message("{op: all_gather, latency: 1, bandwidth: 1}"), "");
  EXPECT_EQ(message("{op: broadcast, latency: 1, bandwidth: 1}"),
            "machine model 'm': link 'l' has no collective 'broadcast', expected all_gather, "
            "all_reduce, all_to_all, permute or reduce_scatter");
  EXPECT_EQ(
      message("{op: permute, latency: 1, bandwidth: 0}"),
      "machine model 'm': link 'l' needs a latency of at least zero and a positive bandwidth");
  EXPECT_EQ(message("{op: permute, up_to: 9, latency: 1, bandwidth: 1}, {op: permute, up_to: 9, "
                    "latency: 1, bandwidth: 1}"),
            "machine model 'm': link 'l' needs growing up_to for permute");
}

TEST(MachineModel, RefusesAWakeOfLessThanNothing) {
  auto machine =
      MachineModel::parse("{name: m, flops: 1, memory_bandwidth: 1, default_link: l, links: "
                          "[{name: l, latency: 1, bandwidth: 1, wake: {after: 1, seconds: "
                          "-1}}]}");
  ASSERT_FALSE(machine);
  EXPECT_EQ(llvm::toString(machine.takeError()),
            "machine model 'm': link 'l' needs a wake whose figures are at least zero");
}

TEST(MachineModel, OneRankNeedsNoLinks) {
  Mesh one{{{"tp", 1}}}, two{{{"tp", 2}}};
  EXPECT_FALSE(bool(parsed("launch: 0").checkLinks(one)));
  EXPECT_EQ(
      llvm::toString(parsed("launch: 0").checkLinks(two)),
      "machine model 'm' has no links, the mesh has 2 ranks: measure with as many (tpc-run -n)");
}
