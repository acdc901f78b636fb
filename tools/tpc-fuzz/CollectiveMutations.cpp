//===- CollectiveMutations.cpp ----------------------------------------------------------===//

#include "Mutations.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

//===-- axes -----------------------------------------------------------------------------===//

static Mesh getMeshAround(Operation *op) {
  return getMesh(op->getParentOfType<ModuleOp>()).getMesh().getMesh();
}

static ArrayAttr toAttr(Operation *op, ArrayRef<AxisRef> axes, const Mesh &mesh) {
  return ArrayAttr::get(op->getContext(),
                        llvm::map_to_vector(axes, [&](const AxisRef &axis) -> Attribute {
                          return getAxisAttr(op->getContext(), axis, mesh);
                        }));
}

static AxisList readAxes(Operation *op) {
  return getAxes(op->getAttrOfType<ArrayAttr>("axes"), getMeshAround(op));
}

ArrayAttr tpc::fuzz::getOtherOrder(Operation *op) {
  Mesh mesh = getMeshAround(op);
  AxisList axes = readAxes(op);
  if (axes.size() > 1) {
    std::swap(axes.front(), axes.back());
    return toAttr(op, axes, mesh);
  }
  AxisRef axis = axes.front();
  for (int64_t major = 2; major < axis.size; ++major)
    if (axis.size % major == 0)
      return toAttr(
          op, {{axis.axis, axis.pre * major, axis.size / major}, {axis.axis, axis.pre, major}},
          mesh);
  return {};
}

ArrayAttr tpc::fuzz::getOtherAxis(Operation *op, Random &random) {
  Mesh mesh = getMeshAround(op);
  AxisList axes = readAxes(op), others;
  AxisRef &victim = axes[random.below(axes.size())];
  auto isFree = [&](const AxisRef &other) {
    return llvm::none_of(
        axes, [&](const AxisRef &axis) { return axis != victim && axis.overlaps(other); });
  };
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis)
    for (int64_t pre = 1; pre < mesh.axes[axis].size; ++pre) {
      AxisRef other{axis, pre, victim.size};
      if (mesh.axes[axis].size % (pre * victim.size) == 0 && other != victim && isFree(other))
        others.push_back(other);
    }
  if (others.empty())
    return {};
  victim = random.pick(others);
  return toAttr(op, axes, mesh);
}

static bool setAxes(Operation *op, ArrayAttr axes) {
  if (axes)
    op->setAttr("axes", axes);
  return axes != nullptr;
}

template <typename OpType>
static bool exchangeAxes(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random,
                           [&](OpType op) { return setAxes(op, getOtherOrder(op)); });
}

template <typename OpType>
static bool replaceAxis(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random,
                           [&](OpType op) { return setAxes(op, getOtherAxis(op, random)); });
}

//===-- reductions -----------------------------------------------------------------------===//

static bool dropAllReduce(ModuleOp module, Random &random) {
  return changeOne<AllReduceOp>(module, random, [](AllReduceOp op) {
    op.replaceAllUsesWith(op.getInputs());
    return true;
  });
}

static bool doubleAllReduce(ModuleOp module, Random &random) {
  return changeOne<AllReduceOp>(module, random, [](AllReduceOp op) {
    if (op.getKind().getValue() != ReductionKind::Sum)
      return false;
    OpBuilder builder(op);
    Operation *first = builder.clone(*op);
    op->setOperands(first->getResults());
    return true;
  });
}

template <typename OpType, ReductionKind from, ReductionKind to>
static bool changeKind(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random, [](OpType op) {
    if (op.getKind().getValue() != from)
      return false;
    op.setKindAttr(ReductionKindAttr::get(op.getContext(), to));
    return true;
  });
}

/// Half of the group, or all but one axis of it.
static bool reduceFewer(ModuleOp module, Random &random) {
  return changeOne<AllReduceOp>(module, random, [](AllReduceOp op) {
    ArrayAttr split = getOtherOrder(op);
    return split && setAxes(op, ArrayAttr::get(op.getContext(), split.getValue().drop_back()));
  });
}

static bool scatterUnreduced(ModuleOp module, Random &random) {
  return changeOne<ReduceScatterOp>(module, random, [](ReduceScatterOp op) {
    OpBuilder builder(op);
    op->replaceAllUsesWith(ShardSliceOp::create(builder, op.getLoc(), op.getResultTypes().front(),
                                                op.getInputs().front(), op.getDimAttr(),
                                                op.getMeshAttr(), op.getAxes()));
    return true;
  });
}

static bool scatterTwice(ModuleOp module, Random &random) {
  return changeOne<ReduceScatterOp>(module, random, [](ReduceScatterOp op) {
    OpBuilder builder(op);
    auto sum = AllReduceOp::create(builder, op.getLoc(), op.getKindAttr(), op.getInputs(),
                                   op.getMeshAttr(), op.getAxes());
    op.getInputsMutable().assign(sum.getResults());
    return op.getKind().getValue() == ReductionKind::Sum;
  });
}

/// Exchanges two results of one type of a collective of several operands.
template <typename OpType>
static bool swapCombined(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random, [](OpType op) {
    for (unsigned i = 1; i < op.getNumResults(); ++i)
      if (op.getResult(i).getType() == op.getResult(0).getType()) {
        SmallVector<Value> inputs(op.getInputs());
        std::swap(inputs[0], inputs[i]);
        op->setOperands(inputs);
        return true;
      }
    return false;
  });
}

//===-- dimensions -----------------------------------------------------------------------===//

/// The elements of `value`, in order, as another shape: what taking the wrong dimension does to a
/// buffer.
static Value reinterpret(OpBuilder &builder, Value value, Type wanted) {
  auto type = cast<RankedTensorType>(wanted);
  auto from = cast<RankedTensorType>(value.getType());
  auto flat = RankedTensorType::get({from.getNumElements()}, from.getElementType());
  auto all = [](int64_t rank) {
    return SmallVector<ReassociationIndices>{llvm::to_vector<2>(llvm::seq<int64_t>(0, rank))};
  };
  Location loc = value.getLoc();
  if (from.getRank() > 1)
    value = tensor::CollapseShapeOp::create(builder, loc, flat, value, all(from.getRank()));
  if (type.getRank() > 1)
    value = tensor::ExpandShapeOp::create(builder, loc, type, value, all(type.getRank()));
  return value;
}

/// The elements of `value` for those of the result.
template <typename OpType>
static void replaceByElements(OpType op, Value value) {
  OpBuilder builder(op);
  op->replaceAllUsesWith(ValueRange{reinterpret(builder, value, op->getResult(0).getType())});
}

static RankedTensorType scaleDim(RankedTensorType type, int64_t dim, int64_t times, int64_t over) {
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = shape[dim] * times / over;
  return RankedTensorType::get(shape, type.getElementType());
}

/// The same collective along the dimension before, or the last one.
static int64_t getOtherDim(int64_t dim, int64_t rank) { return dim == 0 ? rank - 1 : dim - 1; }

static bool gatherOtherDim(ModuleOp module, Random &random) {
  return changeOne<AllGatherOp>(module, random, [](AllGatherOp op) {
    auto input = cast<RankedTensorType>(op->getOperand(0).getType());
    if (input.getRank() < 2)
      return false;
    OpBuilder builder(op);
    int64_t dim = getOtherDim(op.getDim(), input.getRank());
    auto gathered = AllGatherOp::create(
        builder, op.getLoc(), scaleDim(input, dim, getSize(readAxes(op)), 1), op.getInputs(),
        builder.getI64IntegerAttr(dim), op.getMeshAttr(), op.getAxes());
    replaceByElements(op, gathered.getResult(0));
    return true;
  });
}

/// Splits the operand of `op` along another dimension: `create` makes the part of a type and dim.
template <typename OpType>
static bool splitOtherDim(OpType op,
                          llvm::function_ref<Value(OpBuilder &, Type, IntegerAttr)> create) {
  auto input = cast<RankedTensorType>(op->getOperand(0).getType());
  int64_t parts = getSize(readAxes(op)), dim = getOtherDim(op.getDim(), input.getRank());
  if (input.getRank() < 2 || input.getDimSize(dim) % parts != 0)
    return false;
  OpBuilder builder(op);
  replaceByElements(
      op, create(builder, scaleDim(input, dim, 1, parts), builder.getI64IntegerAttr(dim)));
  return true;
}

static bool scatterOtherDim(ModuleOp module, Random &random) {
  return changeOne<ReduceScatterOp>(module, random, [](ReduceScatterOp op) {
    return splitOtherDim(op, [&](OpBuilder &builder, Type type, IntegerAttr dim) {
      return ReduceScatterOp::create(builder, op.getLoc(), type, op.getKindAttr(), op.getInputs(),
                                     dim, op.getMeshAttr(), op.getAxes())
          .getResult(0);
    });
  });
}

static bool sliceOtherDim(ModuleOp module, Random &random) {
  return changeOne<ShardSliceOp>(module, random, [](ShardSliceOp op) {
    return splitOtherDim(op, [&](OpBuilder &builder, Type type, IntegerAttr dim) {
      return ShardSliceOp::create(builder, op.getLoc(), type, op.getInput(), dim, op.getMeshAttr(),
                                  op.getAxes());
    });
  });
}

static bool swapExchange(ModuleOp module, Random &random) {
  return changeOne<AllToAllOp>(module, random, [](AllToAllOp op) {
    auto input = cast<RankedTensorType>(op.getInput().getType());
    int64_t parts = getSize(readAxes(op)), split = op.getConcatDim(), concat = op.getSplitDim();
    if (input.getDimSize(split) % parts != 0)
      return false;
    OpBuilder builder(op);
    RankedTensorType type = scaleDim(scaleDim(input, split, 1, parts), concat, parts, 1);
    Value moved = AllToAllOp::create(
        builder, op.getLoc(), type, op.getInput(), builder.getI64IntegerAttr(split),
        builder.getI64IntegerAttr(concat), op.getMeshAttr(), op.getAxes());
    replaceByElements(op, moved);
    return true;
  });
}

static bool dropExchange(ModuleOp module, Random &random) {
  return changeOne<AllToAllOp>(module, random, [](AllToAllOp op) {
    replaceByElements(op, op.getInput());
    return true;
  });
}

//===-- order in the group ---------------------------------------------------------------===//

/// Every rank contributes its mirror image's shard.
static bool reverseGather(ModuleOp module, Random &random) {
  return changeOne<AllGatherOp>(module, random, [](AllGatherOp op) {
    OpBuilder builder(op);
    SmallVector<int64_t> pairs;
    for (int64_t i = 0, size = getSize(readAxes(op)); i < size; ++i)
      pairs.append({i, size - 1 - i});
    for (OpOperand &input : op.getInputsMutable())
      input.set(PermuteOp::create(builder, op.getLoc(), input.get().getType(), input.get(), pairs,
                                  op.getMesh(), op.getAxes()));
    return true;
  });
}

static bool dropPermute(ModuleOp module, Random &random) {
  return changeOne<PermuteOp>(module, random, [](PermuteOp op) {
    op.replaceAllUsesWith(op.getInput());
    return true;
  });
}

static bool shiftPermute(ModuleOp module, Random &random) {
  return changeOne<PermuteOp>(module, random, [](PermuteOp op) {
    SmallVector<int64_t> pairs(op.getPairs());
    for (size_t i = 1; i < pairs.size(); i += 2)
      pairs[i] = (pairs[i] + 1) % static_cast<int64_t>(pairs.size() / 2);
    op.setPairs(pairs);
    return true;
  });
}

static bool invertPermute(ModuleOp module, Random &random) {
  return changeOne<PermuteOp>(module, random, [](PermuteOp op) {
    SmallVector<int64_t> pairs(op.getPairs());
    for (size_t i = 0; i + 1 < pairs.size(); i += 2)
      std::swap(pairs[i], pairs[i + 1]);
    op.setPairs(pairs);
    return true;
  });
}

ArrayRef<Mutation> tpc::fuzz::getCollectiveMutations() {
  constexpr ReductionKind sum = ReductionKind::Sum, max = ReductionKind::Max;
  static const Mutation mutations[] = {
      {"all-reduce-dropped", "summands are taken for the sum", Stage::Local, dropAllReduce},
      {"all-reduce-doubled", "a sum is summed again", Stage::Local, doubleAllReduce},
      {"all-reduce-maximum", "a maximum in place of a sum", Stage::Local,
       changeKind<AllReduceOp, sum, max>},
      {"all-reduce-sum", "a sum in place of a maximum", Stage::Local,
       changeKind<AllReduceOp, max, sum>},
      {"all-reduce-fewer", "a sum over a part of the group", Stage::Local, reduceFewer},
      {"all-reduce-other-axis", "a sum over other ranks", Stage::Local, replaceAxis<AllReduceOp>},
      {"combined-swapped", "two results of a combined all_reduce exchanged", Stage::Optimized,
       swapCombined<AllReduceOp>},
      {"combined-gathers-swapped", "two results of a combined gather exchanged", Stage::Optimized,
       swapCombined<AllGatherOp>},
      {"combined-scatters-swapped", "two results of a combined scatter exchanged", Stage::Optimized,
       swapCombined<ReduceScatterOp>},
      {"reduce-scatter-unreduced", "parts of summands", Stage::Local, scatterUnreduced},
      {"reduce-scatter-doubled", "a scatter of what is summed already", Stage::Local, scatterTwice},
      {"reduce-scatter-maximum", "a maximum in place of a sum", Stage::Local,
       changeKind<ReduceScatterOp, sum, max>},
      {"reduce-scatter-other-dim", "parts along another dimension", Stage::Local, scatterOtherDim},
      {"reduce-scatter-order", "parts in another order of ranks", Stage::Local,
       exchangeAxes<ReduceScatterOp>},
      {"reduce-scatter-other-axis", "over other ranks", Stage::Local, replaceAxis<ReduceScatterOp>},
      {"all-gather-other-dim", "shards joined along another dimension", Stage::Local,
       gatherOtherDim},
      {"all-gather-order", "shards joined in another order of axes", Stage::Local,
       exchangeAxes<AllGatherOp>},
      {"all-gather-reversed", "shards joined back to front", Stage::Local, reverseGather},
      {"all-gather-other-axis", "shards of other ranks", Stage::Local, replaceAxis<AllGatherOp>},
      {"all-to-all-swapped", "split and concat dimensions exchanged", Stage::Local, swapExchange},
      {"all-to-all-dropped", "shards are reshaped, not moved", Stage::Local, dropExchange},
      {"all-to-all-order", "pieces in another order of axes", Stage::Local,
       exchangeAxes<AllToAllOp>},
      {"all-to-all-other-axis", "pieces of other ranks", Stage::Local, replaceAxis<AllToAllOp>},
      {"permute-dropped", "shards stay where they were", Stage::Local, dropPermute},
      {"permute-off-by-one", "destinations are off by one", Stage::Local, shiftPermute},
      {"permute-inverted", "sources and destinations exchanged", Stage::Local, invertPermute},
      {"shard-slice-other-dim", "a part along another dimension", Stage::Local, sliceOtherDim},
      {"shard-slice-order", "the part of another coordinate order", Stage::Local,
       exchangeAxes<ShardSliceOp>},
      {"shard-slice-other-axis", "the part of another coordinate", Stage::Local,
       replaceAxis<ShardSliceOp>},
      {"axis-index-order", "an offset in another order of axes", Stage::Local,
       exchangeAxes<AxisIndexOp>},
      {"axis-index-other-axis", "an offset by another coordinate", Stage::Local,
       replaceAxis<AxisIndexOp>},
  };
  return mutations;
}
