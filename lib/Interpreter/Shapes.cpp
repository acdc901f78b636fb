//===- Shapes.cpp - contract, reduce, broadcast, transpose, reshape ------------===//

#include "Evaluators.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <limits>

using namespace mlir;
using namespace tpc;

//===-- contract ---------------------------------------------------------------===//

/// Per letter of `letters` the stride in `tensor` (0 where it has no such dimension).
static SmallVector<int64_t> getLetterStrides(StringRef letters, StringRef dims,
                                             const Tensor &tensor) {
  SmallVector<int64_t, 6> strides = tensor.getStrides();
  return llvm::map_to_vector(letters, [&](char letter) {
    size_t dim = dims.find(letter);
    return dim == StringRef::npos ? int64_t(0) : strides[dim];
  });
}

static int64_t dot(ArrayRef<int64_t> index, ArrayRef<int64_t> strides) {
  int64_t sum = 0;
  for (auto [i, stride] : llvm::zip_equal(index, strides))
    sum += i * stride;
  return sum;
}

/// `accumulate` may be null.
static Tensor einsum(const Contraction &of, const Tensor &lhs, const Tensor &rhs,
                     const Tensor *accumulate) {
  StringRef kept = of.resultDims;
  std::string summed;
  SmallVector<int64_t> summedShape;
  for (auto [dim, letter] : llvm::enumerate(of.lhsDims))
    if (!kept.contains(letter)) {
      summed += letter;
      summedShape.push_back(lhs.shape[dim]);
    }
  auto lhsKept = getLetterStrides(kept, of.lhsDims, lhs);
  auto rhsKept = getLetterStrides(kept, of.rhsDims, rhs);
  auto lhsSummed = getLetterStrides(summed, of.lhsDims, lhs);
  auto rhsSummed = getLetterStrides(summed, of.rhsDims, rhs);

  Tensor result = Tensor::zeros(getTypeShape(of.result));
  int64_t next = 0;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    int64_t lhsBase = dot(index, lhsKept), rhsBase = dot(index, rhsKept);
    double sum = accumulate ? accumulate->data[next] : 0;
    forEachIndex(summedShape, [&](ArrayRef<int64_t> inner) {
      sum += lhs.data[lhsBase + dot(inner, lhsSummed)] * rhs.data[rhsBase + dot(inner, rhsSummed)];
    });
    result.data[next++] = sum;
  });
  return result;
}

static LogicalResult contract(Operation *op, Operands operands, Results &results) {
  results.push_back(einsum(cast<ContractOp>(op).getContraction(), *operands[0], *operands[1],
                           operands.size() > 2 ? operands[2] : nullptr));
  return success();
}

static LogicalResult contractPair(Operation *op, Operands operands, Results &results) {
  for (auto [number, contraction] : llvm::enumerate(cast<ContractPairOp>(op).getContractions()))
    results.push_back(
        einsum(contraction, *operands[2 * number], *operands[2 * number + 1], nullptr));
  return success();
}

//===-- reduce -----------------------------------------------------------------===//

static double getNeutral(ReductionKind kind) {
  double infinity = std::numeric_limits<double>::infinity();
  return kind == ReductionKind::Sum ? 0.0 : kind == ReductionKind::Max ? -infinity : infinity;
}

double tpc::combine(ReductionKind kind, double a, double b) {
  return kind == ReductionKind::Sum   ? a + b
         : kind == ReductionKind::Max ? std::max(a, b)
                                      : std::min(a, b);
}

static LogicalResult reduce(Operation *op, Operands operands, Results &results) {
  auto reduction = cast<ReduceOp>(op);
  ReductionKind kind = reduction.getKind().getValue();
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  llvm::fill(result.data, getNeutral(kind));
  SmallVector<int64_t, 6> strides = result.getStrides();
  int64_t next = 0;
  forEachIndex(operands[0]->shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0, kept = 0;
    for (auto [dim, i] : llvm::enumerate(index))
      if (!llvm::is_contained(reduction.getDims(), static_cast<int64_t>(dim)))
        position += i * strides[kept++];
    result.data[position] = combine(kind, result.data[position], operands[0]->data[next++]);
  });
  results.push_back(std::move(result));
  return success();
}

//===-- broadcast, transpose, reshape, slice -----------------------------------===//

static LogicalResult broadcast(Operation *op, Operands operands, Results &results) {
  ArrayRef<int64_t> dims = cast<BroadcastOp>(op).getDims();
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  SmallVector<int64_t, 6> strides = operands[0]->getStrides();
  int64_t next = 0;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [from, dim] : llvm::enumerate(dims))
      position += index[dim] * strides[from];
    result.data[next++] = operands[0]->data[position];
  });
  results.push_back(std::move(result));
  return success();
}

static LogicalResult transpose(Operation *op, Operands operands, Results &results) {
  ArrayRef<int64_t> permutation = cast<TransposeOp>(op).getPermutation();
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  SmallVector<int64_t, 6> strides = operands[0]->getStrides();
  int64_t next = 0;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [to, dim] : llvm::enumerate(permutation))
      position += index[to] * strides[dim];
    result.data[next++] = operands[0]->data[position];
  });
  results.push_back(std::move(result));
  return success();
}

static LogicalResult reshape(Operation *op, Operands operands, Results &results) {
  results.push_back({SmallVector<int64_t, 6>(getTypeShape(op->getResult(0))), operands[0]->data});
  return success();
}

/// Offsets of a box, static or from the op's index operands behind the first `tensors`.
static FailureOr<SmallVector<int64_t>> getBoxOffsets(OffsetSizeAndStrideOpInterface box,
                                                     Operands operands, unsigned tensors) {
  if (!box.getSizes().empty() || !box.hasUnitStride())
    return box.emitOpError("needs static sizes and unit strides to be interpreted");
  SmallVector<int64_t> offsets(box.getStaticOffsets());
  for (int64_t &offset : offsets)
    if (ShapedType::isDynamic(offset))
      offset = operands[tensors++]->data[0];
  return offsets;
}

static LogicalResult extractSlice(Operation *op, Operands operands, Results &results) {
  auto slice = cast<tensor::ExtractSliceOp>(op);
  FailureOr<SmallVector<int64_t>> offsets = getBoxOffsets(slice, operands, 1);
  if (failed(offsets))
    return failure();
  Tensor box = operands[0]->slice(*offsets, slice.getStaticSizes());
  results.push_back({SmallVector<int64_t, 6>(slice.getType().getShape()), std::move(box.data)});
  return success();
}

static LogicalResult insertSlice(Operation *op, Operands operands, Results &results) {
  auto insert = cast<tensor::InsertSliceOp>(op);
  FailureOr<SmallVector<int64_t>> offsets = getBoxOffsets(insert, operands, 2);
  if (failed(offsets))
    return failure();
  Tensor result = *operands[1];
  result.insert({SmallVector<int64_t, 6>(insert.getStaticSizes()), operands[0]->data}, *offsets);
  results.push_back(std::move(result));
  return success();
}

static LogicalResult concat(Operation *op, Operands operands, Results &results) {
  Tensor result = Tensor::zeros(getTypeShape(op->getResult(0)));
  SmallVector<int64_t> offsets(result.rank(), 0);
  int64_t dim = cast<tensor::ConcatOp>(op).getDim();
  for (const Tensor *operand : operands) {
    result.insert(*operand, offsets);
    offsets[dim] += operand->shape[dim];
  }
  results.push_back(std::move(result));
  return success();
}

static LogicalResult within(Operation *op, Operands operands, Results &results) {
  auto mask = cast<WithinOp>(op);
  int64_t first = operands.empty() ? 0 : static_cast<int64_t>(operands[0]->data[0]), next = 0;
  Tensor result = Tensor::zeros(getTypeShape(mask.getResult()));
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    result.data[next++] = first + index[mask.getDim()] < static_cast<int64_t>(mask.getExtent());
  });
  results.push_back(std::move(result));
  return success();
}

static LogicalResult identity(Operation *, Operands operands, Results &results) {
  results.push_back(*operands[0]);
  return success();
}

void tpc::addShapeEvaluators(EvaluatorTable &table) {
  table.add<ContractOp>(contract);
  table.add<ContractPairOp>(contractPair);
  table.add<ReduceOp>(reduce);
  table.add<BroadcastOp>(broadcast);
  table.add<TransposeOp>(transpose);
  table.add<tensor::ExpandShapeOp>(reshape);
  table.add<tensor::CollapseShapeOp>(reshape);
  table.add<tensor::ConcatOp>(concat);
  table.add<tensor::ExtractSliceOp>(extractSlice);
  table.add<tensor::InsertSliceOp>(insertSlice);
  table.add<WithinOp>(within);
  table.add<BoundaryOp>(identity);
  table.add<ConstrainOp>(identity);
  table.add<ReshardOp>(identity);
  table.add<UseOp>(identity);
  table.add<BarrierOp>(identity);
  table.add<CopyOp>(identity);
}
