//===- KernelSpace.cpp ---------------------------------------------------------===//

#include "KernelSpace.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Codegen/Schedule.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

static int64_t getProduct(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

//===-- placement --------------------------------------------------------------===//

static bool isStatic(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape();
}

/// Elementwise on tensors of one shape, without regions.
static bool isElementwise(Operation *op) {
  if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1 || op->getNumRegions())
    return false;
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return result && result.hasStaticShape() && llvm::all_of(op->getOperandTypes(), [&](Type type) {
           auto tensor = dyn_cast<RankedTensorType>(type);
           return tensor && tensor.getShape() == result.getShape();
         });
}

/// Index arithmetic: no tensor anywhere.
static bool isIndexArithmetic(Operation *op) {
  auto isIndex = [](Type type) { return type.isIndex(); };
  return isa<arith::ArithDialect>(op->getDialect()) &&
         llvm::all_of(op->getOperandTypes(), isIndex) &&
         llvm::all_of(op->getResultTypes(), isIndex);
}

/// A box of one tensor in another of its rank; offsets may be operands.
static bool isBox(Operation *op) {
  auto slice = cast<OffsetSizeAndStrideOpInterface>(op);
  auto getRank = [](Type type) { return cast<RankedTensorType>(type).getRank(); };
  return llvm::all_of(slice.getStaticStrides(), [](int64_t stride) { return stride == 1; }) &&
         llvm::none_of(slice.getStaticSizes(), ShapedType::isDynamic) &&
         getRank(op->getOperand(0).getType()) ==
             static_cast<int64_t>(slice.getStaticSizes().size()) &&
         getRank(op->getResult(0).getType()) == static_cast<int64_t>(slice.getStaticSizes().size());
}

static Placement getConstantPlacement(arith::ConstantOp op) {
  if (op.getType().isIndex())
    return Placement::Entry;
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  return elements && elements.isSplat() ? Placement::Inline : Placement::Unknown;
}

/// Do only products and collectives, and what lies in its place for them, read `value`? Then a part
/// needs no copy, and does not keep the rest in memory for long.
static bool isReadByLibraries(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (getAliasedOperand(user))
      return isReadByLibraries(user->getResult(0));
    return isa<ContractOp>(user) || isCollective(user);
  });
}

Placement tpc::getPlacement(Operation *op) {
  if (isa<ContractOp, AttentionOp, AttentionGradOp, EmbeddingOp, EmbeddingGradOp, InitOp, DropoutOp,
          AllGatherOp, AllReduceOp, ReduceScatterOp, AllToAllOp, PermuteOp, WaitOp, AxisIndexOp,
          LaunchOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, func::ReturnOp>(op))
    return Placement::Entry;
  if (!llvm::all_of(op->getResultTypes(),
                    [](Type type) { return isStatic(type) || type.isIndex(); }))
    return Placement::Unknown;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return getConstantPlacement(constant);
  if (isIndexArithmetic(op))
    return Placement::Entry;
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return getBroadcastKind(broadcast) == BroadcastKind::Other ? Placement::Alone
                                                               : Placement::Inline;
  if (isa<TransposeOp, RopeOp, RopeTableOp, tensor::ConcatOp>(op))
    return Placement::Alone;
  if (getAliasedOperand(op) && isReadByLibraries(op->getResult(0)))
    return Placement::Entry;
  if (isa<tensor::ExtractSliceOp, tensor::InsertSliceOp>(op))
    return isBox(op) ? Placement::Alone : Placement::Unknown;
  if (isa<ReduceOp, CrossEntropyOp, CrossEntropyGradOp, WithinOp>(op) || isElementwise(op))
    return Placement::Grid;
  return Placement::Unknown;
}

BroadcastKind tpc::getBroadcastKind(BroadcastOp op) {
  int64_t rank = cast<RankedTensorType>(op.getResult().getType()).getRank(),
          count = op.getDims().size();
  if (count == 0)
    return BroadcastKind::Scalar;
  if (llvm::equal(op.getDims(), llvm::seq<int64_t>(rank - count, rank)) && count < rank)
    return BroadcastKind::Columns;
  if (llvm::equal(op.getDims(), llvm::seq<int64_t>(0, count)) && count < rank)
    return BroadcastKind::Rows;
  return BroadcastKind::Other;
}

ReductionShape ReductionShape::get(ReduceOp op) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(op.getInput().getType()).getShape(),
                    dims = op.getDims();
  ReductionShape reduction;
  int64_t rank = shape.size();
  if (dims.empty()) {
    reduction.inner = getProduct(shape);
    return reduction;
  }
  reduction.outer = getProduct(shape.take_front(dims.front()));
  reduction.length = getProduct(shape.slice(dims.front(), dims.back() + 1 - dims.front()));
  reduction.inner = getProduct(shape.drop_front(dims.back() + 1));
  reduction.trailing = llvm::equal(dims, llvm::seq<int64_t>(rank - dims.size(), rank));
  return reduction;
}

//===-- spaces -----------------------------------------------------------------===//

/// The number of row dimensions that a broadcast asks for.
static int64_t getSplit(BroadcastOp op) {
  int64_t rank = cast<RankedTensorType>(op.getResult().getType()).getRank(),
          count = op.getDims().size();
  return getBroadcastKind(op) == BroadcastKind::Rows ? count : rank - count;
}

bool KernelSpace::accepts(BroadcastOp op) const {
  BroadcastKind kind = getBroadcastKind(op);
  if (kind == BroadcastKind::Scalar)
    return true;
  return kind != BroadcastKind::Other && isFull(op.getResult().getType()) &&
         (split == kAnySplit || split == getSplit(op));
}

KernelSpace KernelSpace::get(Operation *op) {
  KernelSpace space;
  Value first = isa<WithinOp>(op) ? op->getResult(0) : op->getOperand(0);
  space.shape = llvm::to_vector(cast<RankedTensorType>(first.getType()).getShape());
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    ReductionShape reduction = ReductionShape::get(reduce);
    int64_t rank = space.shape.size(), count = reduce.getDims().size();
    space.columns = !reduction.trailing;
    space.split = reduction.trailing ? rank - count : reduction.outer == 1 ? count : kNoSplit;
    if (space.columns && !llvm::equal(reduce.getDims(), llvm::seq<int64_t>(0, count)))
      space.split = kNoSplit;
    return space;
  }
  if (isa<CrossEntropyOp, CrossEntropyGradOp>(op)) {
    space.split = space.shape.size() - 1;
    return space;
  }
  for (Value operand : op->getOperands())
    if (auto broadcast = operand.getDefiningOp<BroadcastOp>())
      if (getBroadcastKind(broadcast) != BroadcastKind::Scalar && space.accepts(broadcast))
        space.split = getSplit(broadcast);
  return space;
}

std::optional<KernelSpace> KernelSpace::join(const KernelSpace &other) const {
  if (shape.size() < other.shape.size())
    return other.join(*this);
  KernelSpace joined = *this;
  joined.columns |= other.columns;
  if (shape == other.shape) {
    if (split != other.split && split != kAnySplit && other.split != kAnySplit)
      return std::nullopt;
    joined.split = split == kAnySplit ? other.split : split;
    return joined;
  }
  bool ofRows =
      split >= 0 && ArrayRef<int64_t>(shape).take_front(split) == ArrayRef<int64_t>(other.shape);
  return ofRows && other.split == kAnySplit && !joined.columns ? std::optional(joined)
                                                               : std::nullopt;
}

bool KernelSpace::isFull(Type type) const {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getShape() == ArrayRef<int64_t>(shape);
}

int64_t KernelSpace::getRows() const {
  return getProduct(ArrayRef<int64_t>(shape).take_front(std::max<int64_t>(split, 0)));
}
int64_t KernelSpace::getColumns() const {
  return getProduct(ArrayRef<int64_t>(shape).drop_front(std::max<int64_t>(split, 0)));
}
