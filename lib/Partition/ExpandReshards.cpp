//===- ExpandReshards.cpp - the pass tpc-expand-reshards --------------------===//

#include "tpc/Partition/MeshContext.h"
#include "tpc/Partition/Passes.h"

#define DEBUG_TYPE "tpc-expand-reshards"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_EXPANDRESHARDS
#include "tpc/Partition/Passes.h.inc"
} // namespace tpc

using namespace tpc;

namespace {

/// The pairs of permutes, each made once: on large meshes they are long.
class PairTable {
public:
  explicit PairTable(const MeshContext &context) : context(context) {}

  DenseI64ArrayAttr get(const Layout &from, const Layout &to, ArrayRef<AxisRef> axes) {
    LayoutAttr source = context.getAttr(from), destination = context.getAttr(to);
    DenseI64ArrayAttr &pairs = known[{source, destination, context.getAxesAttr(axes)}];
    if (!pairs)
      pairs = DenseI64ArrayAttr::get(source.getContext(),
                                     getPermutePairs(from, to, axes, context.mesh));
    return pairs;
  }

private:
  const MeshContext &context;
  DenseMap<std::tuple<Attribute, Attribute, Attribute>, DenseI64ArrayAttr> known;
};

/// Builds the collectives of one reshard in their global form.
class CollectiveBuilder {
public:
  CollectiveBuilder(ReshardOp reshard, const MeshContext &context, PairTable &pairs)
      : context(context), pairs(pairs), builder(reshard), loc(reshard.getLoc()),
        attributes(reshard->getDiscardableAttrDictionary()) {}

  Value build(Value input, const Layout &from, const ReshardStep &step) {
    Operation *op = create(input, from, step);
    op->setDiscardableAttrs(attributes);
    setLayout(op->getResult(0), context.getAttr(step.result));
    return op->getResult(0);
  }

private:
  Operation *create(Value input, const Layout &from, const ReshardStep &step) {
    Type type = input.getType();
    IntegerAttr dim = builder.getI64IntegerAttr(step.dim),
                splitDim = builder.getI64IntegerAttr(step.splitDim);
    ArrayAttr axes = context.getAxesAttr(step.axes);
    auto sum = ReductionKindAttr::get(builder.getContext(), from.partialKind);
    switch (step.kind) {
    case CollectiveKind::Slice:
      return ShardSliceOp::create(builder, loc, type, input, dim, context.symbol, axes);
    case CollectiveKind::AllGather:
      return AllGatherOp::create(builder, loc, type, input, dim, context.symbol, axes);
    case CollectiveKind::AllToAll:
      return AllToAllOp::create(builder, loc, type, input, splitDim, dim, context.symbol, axes);
    case CollectiveKind::Permute:
      return PermuteOp::create(builder, loc, type, input, pairs.get(from, step.result, step.axes),
                               context.symbol, axes);
    case CollectiveKind::ReduceScatter:
      return ReduceScatterOp::create(builder, loc, type, sum, input, dim, context.symbol, axes);
    case CollectiveKind::AllReduce:
      return AllReduceOp::create(builder, loc, sum, ValueRange{input}, context.symbol, axes);
    }
    llvm_unreachable("unknown collective");
  }

  const MeshContext &context;
  PairTable &pairs;
  OpBuilder builder;
  Location loc;
  DictionaryAttr attributes;
};

struct ExpandReshards : tpc::impl::ExpandReshardsBase<ExpandReshards> {
  using ExpandReshardsBase::ExpandReshardsBase;

  void runOnOperation() override {
    FailureOr<MeshContext> context = MeshContext::create(getOperation());
    if (failed(context))
      return signalPassFailure();
    if (memoryCap < 0) {
      getOperation().emitError("memory-cap is a number of bytes, got ") << memoryCap.getValue();
      return signalPassFailure();
    }
    FailureOr<ReshardPlanner *> planner = getPlanner(getOperation(), *context, machine, memoryCap);
    if (failed(planner))
      return signalPassFailure();
    PairTable pairs(*context);
    SmallVector<ReshardOp> reshards;
    getOperation().walk([&](ReshardOp reshard) { reshards.push_back(reshard); });
    for (ReshardOp reshard : reshards)
      if (failed(expand(reshard, *context, **planner, pairs)))
        return signalPassFailure();
  }

  LogicalResult expand(ReshardOp reshard, const MeshContext &context, ReshardPlanner &planner,
                       PairTable &pairs) {
    Value value = reshard.getInput();
    FailureOr<Layout> from = context.readLayout(value);
    if (failed(from))
      return failure();
    auto emit = [&] { return reshard.emitOpError(); };
    if (failed(reshard.getLayout().verifyOn(emit, context.mesh, getShape(value).size())))
      return failure();
    Layout to = reshard.getLayout().getLayout(context.mesh);
    llvm::Expected<ReshardPlan> plan =
        planner.plan(getShape(value), getElementBytes(value), *from, to);
    if (!plan)
      return emit() << llvm::toString(plan.takeError());
    CollectiveBuilder builder(reshard, context, pairs);
    for (const ReshardStep &step : *plan) {
      value = builder.build(value, *from, step);
      from = step.result;
      numCollectives += step.kind != CollectiveKind::Slice;
    }
    numBytes += static_cast<uint64_t>(getReceivedBytes(*plan));
    reshard.replaceAllUsesWith(value);
    reshard.erase();
    return success();
  }
};

} // namespace
