//===- ValueMutations.cpp ----------------------------------------------------------------===//

#include "Mutations.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

//===-- offsets ----------------------------------------------------------------------------===//

/// The shard is taken for the first one.
template <typename OpType>
static bool dropFirst(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random, [](OpType op) {
    if (!op.getFirst())
      return false;
    op.getFirstMutable().clear();
    return true;
  });
}

/// Offsets that are off by one shard.
template <typename OpType>
static bool shiftFirst(ModuleOp module, Random &random) {
  return changeOne<OpType>(module, random, [](OpType op) {
    if (!op.getFirst())
      return false;
    OpBuilder builder(op);
    Value one = arith::ConstantIndexOp::create(builder, op.getLoc(), 1);
    op.getFirstMutable().assign(
        arith::AddIOp::create(builder, op.getLoc(), op.getFirst(), one).getResult());
    return true;
  });
}

static bool zeroInitOffset(ModuleOp module, Random &random) {
  return changeOne<InitOp>(module, random, [&](InitOp op) {
    if (op.getOffsets().empty())
      return false;
    OpBuilder builder(op);
    Value zero = arith::ConstantIndexOp::create(builder, op.getLoc(), 0);
    op.getOffsetsMutable().assign(SmallVector<Value>(op.getOffsets().size(), zero));
    return true;
  });
}

//===-- padding ------------------------------------------------------------------------------===//

/// A select by a mask of `tpc.within` is left out: padding is counted.
static bool countPadding(ModuleOp module, Random &random) {
  return changeOne<arith::SelectOp>(module, random, [](arith::SelectOp op) {
    if (!op.getCondition().getDefiningOp<WithinOp>())
      return false;
    op.replaceAllUsesWith(op.getTrueValue());
    return true;
  });
}

/// One element of the padding is counted.
static bool extendMask(ModuleOp module, Random &random) {
  return changeOne<WithinOp>(module, random, [](WithinOp op) {
    op.setExtent(op.getExtent() + 1);
    return true;
  });
}

/// A box starts one element late: what had its padding cut off ends in padding.
static bool shiftBox(ModuleOp module, Random &random) {
  return changeOne<tensor::ExtractSliceOp>(module, random, [](tensor::ExtractSliceOp op) {
    SmallVector<int64_t> offsets(op.getStaticOffsets());
    for (auto [offset, size, outer] :
         llvm::zip_equal(offsets, op.getStaticSizes(), op.getSourceType().getShape()))
      if (offset + size < outer) {
        ++offset;
        op.setStaticOffsets(offsets);
        return true;
      }
    return false;
  });
}

//===-- summands taken for values -------------------------------------------------------------===//

/// The all_reduce of one operand, used once, that makes `value`.
static AllReduceOp getSum(Value value) {
  auto reduce = value.getDefiningOp<AllReduceOp>();
  bool single =
      reduce && reduce.getNumResults() == 1 && reduce.getKind().getValue() == ReductionKind::Sum;
  return single ? reduce : AllReduceOp();
}

/// Lets `op` work on the summands of operand `number` and sums its result.
static bool reduceAfter(Operation *op, unsigned number) {
  AllReduceOp reduce = getSum(op->getOperand(number));
  if (!reduce || op->getNumResults() != 1)
    return false;
  for (OpOperand &operand : op->getOpOperands()) // both, where the op has it twice
    if (operand.get() == reduce.getResult(0))
      operand.set(reduce.getInputs().front());
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  auto late = AllReduceOp::create(builder, op->getLoc(), reduce.getKindAttr(), op->getResults(),
                                  reduce.getMeshAttr(), reduce.getAxes());
  op->getResult(0).replaceAllUsesExcept(late.getResult(0), late);
  return true;
}

/// y is counted once per rank in all_reduce(x + y).
static bool addWholeToPartial(ModuleOp module, Random &random) {
  return changeOne<arith::AddFOp>(module, random, [](arith::AddFOp op) {
    for (unsigned number : {0, 1})
      if (getSum(op.getOperand(number)) && !getSum(op.getOperand(1 - number)))
        return reduceAfter(op, number);
    return false;
  });
}

static bool squarePartial(ModuleOp module, Random &random) {
  return changeOne<SumSquaresOp>(module, random,
                                 [](SumSquaresOp op) { return reduceAfter(op, 0); });
}

/// x * x of summands, or x * y of two sums.
static bool multiplyPartials(ModuleOp module, Random &random) {
  return changeOne<arith::MulFOp>(module, random, [](arith::MulFOp op) {
    AllReduceOp lhs = getSum(op.getLhs()), rhs = getSum(op.getRhs());
    if (!lhs || !rhs || lhs.getAxes() != rhs.getAxes())
      return false;
    op.getRhsMutable().assign(rhs.getInputs().front());
    return reduceAfter(op, 0);
  });
}

/// exp(x) + exp(y) for exp(x + y), and the like.
static bool applyToPartial(ModuleOp module, Random &random) {
  return changeOne<Operation *>(module, random, [](Operation *op) {
    bool nonlinear = isa<math::ExpOp, math::TanhOp, math::SinOp, math::CosOp, math::AbsFOp,
                         arith::MaximumFOp, arith::MinimumFOp, RmsNormOp>(op);
    return nonlinear && reduceAfter(op, 0);
  });
}

/// The log-sum-exp of a vocabulary shard is taken for that of the vocabulary.
static bool leaveUnjoined(ModuleOp module, Random &random) {
  return changeOne<CrossEntropyOp>(module, random, [](CrossEntropyOp op) {
    for (Operation *user : op.getLogSumExp().getUsers())
      if (auto reduce = dyn_cast<AllReduceOp>(user))
        for (Operation *next : reduce->getUsers())
          if (isa<arith::AddFOp>(next)) {
            next->replaceAllUsesWith(ValueRange{op.getLogSumExp()});
            return true;
          }
    return false;
  });
}

/// The layout in flight forgets that a value is Partial.
static bool forgetPartial(ModuleOp module, Random &random) {
  Mesh mesh = getMesh(module).getMesh().getMesh();
  return changeOne<Operation *>(module, random, [&](Operation *op) {
    for (OpResult result : op->getResults()) {
      LayoutAttr attribute = getLayout(result);
      if (!attribute || attribute.getPartial().empty())
        continue;
      Layout layout = attribute.getLayout(mesh);
      layout.partial.clear();
      setLayout(result, LayoutAttr::get(attribute.getMesh(), layout, mesh));
      return true;
    }
    return false;
  });
}

//===-- values taken for others ---------------------------------------------------------------===//

/// An operand becomes the value that a reshard made it from, where the local shapes agree.
static bool useOtherVersion(ModuleOp module, Random &random) {
  return changeOne<Operation *>(module, random, [](Operation *op) {
    bool moves =
        isa<AllReduceOp, AllToAllOp, PermuteOp, ReduceScatterOp, AllGatherOp, ShardSliceOp>(op);
    for (Operation *other : moves ? SmallVector<Operation *>(op->getOperand(0).getUsers())
                                  : SmallVector<Operation *>())
      if (other != op && other->getNumResults() == 1 && other->isBeforeInBlock(op) &&
          op->getNumResults() == 1 && other->getResult(0).getType() == op->getResult(0).getType() &&
          other->getName() == op->getName()) {
        op->replaceAllUsesWith(other->getResults());
        return true;
      }
    return false;
  });
}

/// An operand becomes another value of its type and layout.
static bool useOtherValue(ModuleOp module, Random &random) {
  return changeOne<Operation *>(module, random, [&](Operation *op) {
    if (!isa<ReshardOp>(op))
      return false;
    for (Operation *other = op->getPrevNode(); other; other = other->getPrevNode())
      for (Value value : other->getResults())
        if (value != op->getOperand(0) && value.getType() == op->getOperand(0).getType() &&
            getLayout(value) == getLayout(op->getOperand(0))) {
          op->setOperand(0, value);
          return true;
        }
    return false;
  });
}

//===-- what arguments and results are said to be ---------------------------------------------===//

/// The same shapes with two axes of a dimension exchanged, or an axis replaced; null if there is no
/// such layout.
static GlobalAttr relabel(GlobalAttr global, const Mesh &mesh, Random &random) {
  Layout layout = global.getLayout().getLayout(mesh);
  for (AxisList &axes : layout.dims) {
    if (axes.size() > 1) {
      std::swap(axes.front(), axes.back());
      return GlobalAttr::get(global.getContext(), global.getShape(),
                             LayoutAttr::get(global.getLayout().getMesh(), layout, mesh));
    }
    for (unsigned axis = 0; axes.size() == 1 && axis < mesh.axes.size(); ++axis) {
      AxisRef other = AxisRef::whole(mesh, axis);
      bool used = llvm::any_of(layout.getUsedAxes(),
                               [&](const AxisRef &ref) { return ref.overlaps(other); });
      if (used || other.size != axes.front().size)
        continue;
      axes.front() = other;
      return GlobalAttr::get(global.getContext(), global.getShape(),
                             LayoutAttr::get(global.getLayout().getMesh(), layout, mesh));
    }
  }
  return {};
}

static bool mislabelArgument(ModuleOp module, Random &random) {
  func::FuncOp function = collect<func::FuncOp>(module).front();
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto global = function.getArgAttrOfType<GlobalAttr>(i, TPCDialect::kGlobal))
      if (GlobalAttr other = relabel(global, getMesh(module).getMesh().getMesh(), random)) {
        function.setArgAttr(i, TPCDialect::kGlobal, other);
        return true;
      }
  return false;
}

static bool mislabelResult(ModuleOp module, Random &random) {
  func::FuncOp function = collect<func::FuncOp>(module).front();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto global = function.getResultAttrOfType<GlobalAttr>(i, TPCDialect::kGlobal))
      if (GlobalAttr other = relabel(global, getMesh(module).getMesh().getMesh(), random)) {
        function.setResultAttr(i, TPCDialect::kGlobal, other);
        return true;
      }
  return false;
}

ArrayRef<Mutation> tpc::fuzz::getValueMutations() {
  static const Mutation mutations[] = {
      {"embedding-offset", "ids are looked up as in the first shard", Stage::Local,
       dropFirst<EmbeddingOp>},
      {"embedding-off-by-one", "a vocabulary shard starts one late", Stage::Local,
       shiftFirst<EmbeddingOp>},
      {"embedding-grad-offset", "rows are summed as in the first shard", Stage::Local,
       dropFirst<EmbeddingGradOp>},
      {"cross-entropy-offset", "targets are sought in the first shard", Stage::Local,
       dropFirst<CrossEntropyOp>},
      {"cross-entropy-grad-offset", "targets are those of the first shard", Stage::Local,
       dropFirst<CrossEntropyGradOp>},
      {"cross-entropy-unjoined", "a shard's log-sum-exp in place of all", Stage::Local,
       leaveUnjoined},
      {"rope-offset", "positions count from zero on every rank", Stage::Local,
       dropFirst<RopeTableOp>},
      {"padding-counted", "a sum takes in what padding holds", Stage::Local, countPadding},
      {"padding-mask-late", "a mask lets one element of padding through", Stage::Local, extendMask},
      {"padding-cut-late", "an exact size begins one element late", Stage::Local, shiftBox},
      {"padding-mask-offset", "every shard masks as the first", Stage::Local, dropFirst<WithinOp>},
      {"init-offset", "every shard is initialized as the first", Stage::Local, zeroInitOffset},
      {"partial-plus-whole", "a whole value is added on every rank of a sum", Stage::Local,
       addWholeToPartial},
      {"partial-squared", "squares of summands are summed", Stage::Local, squarePartial},
      {"partial-multiplied", "products of summands are summed", Stage::Local, multiplyPartials},
      {"partial-nonlinear", "a function of summands is summed", Stage::Local, applyToPartial},
      {"partial-forgotten", "a stale layout calls summands a value", Stage::Resharded,
       forgetPartial},
      {"other-version", "a value as another user wanted it", Stage::Local, useOtherVersion},
      {"other-value", "another value of the same layout", Stage::Resharded, useOtherValue},
      {"argument-mislabelled", "an argument is cut by other axes", Stage::Local, mislabelArgument},
      {"result-mislabelled", "a result is joined by other axes", Stage::Local, mislabelResult},
  };
  return mutations;
}
