//===- Collectives.cpp - communication among simulated ranks -------------------===//

#include "Evaluators.h"

using namespace mlir;
using namespace tpc;

using RankOperands = ArrayRef<SmallVector<const Tensor *>>;
using RankResults = std::vector<std::vector<Tensor>>;
using Groups = SmallVector<SmallVector<int64_t>>;

template <typename OpType>
static Groups getGroupsOf(OpType op, const InterpreterOptions &options) {
  return getGroups(getAxes(op.getAxes(), options.mesh), options.mesh);
}

/// Reduces operand `number` over a group, in group order.
static Tensor reduceGroup(ReductionKind kind, ArrayRef<int64_t> group, RankOperands operands,
                          unsigned number) {
  Tensor sum = *operands[group.front()][number];
  for (int64_t rank : group.drop_front())
    for (auto [value, other] : llvm::zip_equal(sum.data, operands[rank][number]->data))
      value = combine(kind, value, other);
  return sum;
}

/// The `position`-th of `count` equal parts along `dim`.
static Tensor getPart(const Tensor &tensor, int64_t dim, int64_t count, int64_t position) {
  SmallVector<int64_t> offsets(tensor.rank(), 0), sizes(tensor.shape);
  sizes[dim] /= count;
  offsets[dim] = position * sizes[dim];
  return tensor.slice(offsets, sizes);
}

static Tensor join(ArrayRef<Tensor> parts, int64_t dim) {
  SmallVector<int64_t, 6> shape = parts.front().shape;
  shape[dim] *= parts.size();
  Tensor result = Tensor::zeros(shape);
  SmallVector<int64_t> offsets(shape.size(), 0);
  for (const Tensor &part : parts) {
    result.insert(part, offsets);
    offsets[dim] += part.shape[dim];
  }
  return result;
}

//===-- the ops ----------------------------------------------------------------===//

static LogicalResult allReduce(Operation *op, RankOperands operands, RankResults &results,
                               const InterpreterOptions &options) {
  auto reduce = cast<AllReduceOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(reduce, options))
    for (unsigned number = 0; number < op->getNumOperands(); ++number) {
      Tensor sum = reduceGroup(reduce.getKind().getValue(), group, operands, number);
      for (int64_t rank : group)
        results[rank].push_back(sum);
    }
  return success();
}

static LogicalResult allGather(Operation *op, RankOperands operands, RankResults &results,
                               const InterpreterOptions &options) {
  auto gather = cast<AllGatherOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(gather, options))
    for (unsigned number = 0; number < op->getNumOperands(); ++number) {
      std::vector<Tensor> parts;
      for (int64_t rank : group)
        parts.push_back(*operands[rank][number]);
      Tensor whole = join(parts, gather.getDim());
      for (int64_t rank : group)
        results[rank].push_back(whole);
    }
  return success();
}

static LogicalResult reduceScatter(Operation *op, RankOperands operands, RankResults &results,
                                   const InterpreterOptions &options) {
  auto scatter = cast<ReduceScatterOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(scatter, options))
    for (unsigned number = 0; number < op->getNumOperands(); ++number) {
      Tensor sum = reduceGroup(scatter.getKind().getValue(), group, operands, number);
      for (auto [position, rank] : llvm::enumerate(group))
        results[rank].push_back(getPart(sum, scatter.getDim(), group.size(), position));
    }
  return success();
}

static LogicalResult shardSlice(Operation *op, RankOperands operands, RankResults &results,
                                const InterpreterOptions &options) {
  auto slice = cast<ShardSliceOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(slice, options))
    for (auto [position, rank] : llvm::enumerate(group))
      results[rank].push_back(getPart(*operands[rank][0], slice.getDim(), group.size(), position));
  return success();
}

static LogicalResult allToAll(Operation *op, RankOperands operands, RankResults &results,
                              const InterpreterOptions &options) {
  auto exchange = cast<AllToAllOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(exchange, options))
    for (auto [position, rank] : llvm::enumerate(group)) {
      std::vector<Tensor> parts;
      for (int64_t source : group)
        parts.push_back(
            getPart(*operands[source][0], exchange.getSplitDim(), group.size(), position));
      results[rank].push_back(join(parts, exchange.getConcatDim()));
    }
  return success();
}

static LogicalResult permute(Operation *op, RankOperands operands, RankResults &results,
                             const InterpreterOptions &options) {
  auto permute = cast<PermuteOp>(op);
  for (ArrayRef<int64_t> group : getGroupsOf(permute, options))
    for (size_t pair = 0; pair + 1 < permute.getPairs().size(); pair += 2)
      results[group[permute.getPairs()[pair + 1]]].push_back(
          *operands[group[permute.getPairs()[pair]]][0]);
  return success();
}

static LogicalResult axisIndex(Operation *op, RankOperands, RankResults &results,
                               const InterpreterOptions &options) {
  for (ArrayRef<int64_t> group : getGroupsOf(cast<AxisIndexOp>(op), options))
    for (auto [position, rank] : llvm::enumerate(group))
      results[rank].push_back(Tensor::scalar(position));
  return success();
}

void tpc::addCollectiveEvaluators(EvaluatorTable &table) {
  table.addCollective<AllReduceOp>(allReduce);
  table.addCollective<AllGatherOp>(allGather);
  table.addCollective<ReduceScatterOp>(reduceScatter);
  table.addCollective<ShardSliceOp>(shardSlice);
  table.addCollective<AllToAllOp>(allToAll);
  table.addCollective<PermuteOp>(permute);
  table.addCollective<AxisIndexOp>(axisIndex);
}
