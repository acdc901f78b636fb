//===- CollectivePatterns.cpp ---------------------------------------------===//
//
// One struct per row of the table in Passes.td. Two collectives meet only if they are of one mesh;
// a group is in row-major order of its axes, so the order of lists matters wherever shards are
// joined or cut, and not in sums.
//
//===----------------------------------------------------------------------===//

#include "CollectivePatterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

namespace {

/// Axis lists of local collectives, in the theory's form.
class AxisReader {
public:
  explicit AxisReader(Operation *op, FlatSymbolRefAttr symbol)
      : context(op->getContext()), mesh(lookupMesh(op, symbol).getMesh().getMesh()) {}

  AxisList read(ArrayAttr axes) const { return getCanonical(getAxes(axes, mesh), mesh); }
  ArrayAttr write(ArrayRef<AxisRef> axes) const {
    SmallVector<Attribute> attributes;
    for (const AxisRef &axis : getCanonical(axes, mesh))
      attributes.push_back(getAxisAttr(context, axis, mesh));
    return ArrayAttr::get(context, attributes);
  }
  ArrayAttr join(ArrayAttr major, ArrayAttr minor) const {
    AxisList axes = read(major);
    llvm::append_range(axes, read(minor));
    return write(axes);
  }

private:
  MLIRContext *context;
  const Mesh mesh;
};

template <typename OpType>
AxisReader makeReader(OpType op) {
  return AxisReader(op, op.getMeshAttr());
}

} // namespace

static bool contains(ArrayRef<AxisRef> axes, ArrayRef<AxisRef> part) {
  return llvm::all_of(part, [&](const AxisRef &axis) { return llvm::is_contained(axes, axis); });
}

static bool overlap(ArrayRef<AxisRef> a, ArrayRef<AxisRef> b) {
  return llvm::any_of(a, [&](const AxisRef &axis) {
    return llvm::any_of(b, [&](const AxisRef &other) { return axis.overlaps(other); });
  });
}

/// The op of type `OpType` on the same mesh that made `value` and nothing else, if it is in its
/// local form.
template <typename OpType, typename UserType>
static OpType getProducer(UserType user, Value value) {
  auto op = value.getDefiningOp<OpType>();
  return op && op->getNumResults() == 1 && op.getMeshAttr() == user.getMeshAttr() &&
                 !op->hasAttr(TPCDialect::kLayouts)
             ? op
             : OpType();
}

/// The same for what `gather` joins, if that is one value.
template <typename OpType>
static OpType getOnlyProducer(AllGatherOp gather) {
  return gather->getNumOperands() == 1 ? getProducer<OpType>(gather, gather.getInputs().front())
                                       : OpType();
}

/// Replaces `op`, which uses what `absorbed` made, by a new op instead of both: it keeps what is
/// noted on `op` (its phase), and the reasons of both.
template <typename OpType, typename... Args>
static OpType replaceWithNew(PatternRewriter &rewriter, Operation *op, Operation *absorbed,
                             Args &&...args) {
  auto attributes = op->getDiscardableAttrDictionary();
  Location loc = rewriter.getFusedLoc({op->getLoc(), absorbed->getLoc()});
  auto created = rewriter.replaceOpWithNewOp<OpType>(op, std::forward<Args>(args)...);
  created->setDiscardableAttrs(attributes);
  created->setLoc(loc);
  return created;
}

template <typename OpType, typename... Args>
static Value createLike(PatternRewriter &rewriter, Operation *like, Args &&...args) {
  auto created = OpType::create(rewriter, like->getLoc(), std::forward<Args>(args)...);
  created->setDiscardableAttrs(like->getDiscardableAttrDictionary());
  return created->getResult(0);
}

static RankedTensorType resize(Value like, int64_t dim, int64_t size) {
  auto type = cast<RankedTensorType>(like.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = size;
  return RankedTensorType::get(shape, type.getElementType());
}

static int64_t getDimSize(Value value, int64_t dim) {
  return cast<RankedTensorType>(value.getType()).getDimSize(dim);
}

namespace {

/// One dimension: the slice undoes the gather over its leading axes.
struct SliceOfGather : OpRewritePattern<ShardSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ShardSliceOp slice, PatternRewriter &rewriter) const override {
    auto gather = getProducer<AllGatherOp>(slice, slice.getInput());
    if (!gather || gather.getDim() != slice.getDim())
      return rewriter.notifyMatchFailure(slice, "cuts no gathered dimension");
    AxisReader reader = makeReader(slice);
    AxisList gathered = reader.read(gather.getAxes()), cut = reader.read(slice.getAxes());
    if (cut.size() > gathered.size() ||
        !llvm::equal(cut, ArrayRef(gathered).take_front(cut.size())))
      return rewriter.notifyMatchFailure(slice, "does not cut over the gather's leading axes");
    ArrayRef<AxisRef> rest = ArrayRef(gathered).drop_front(cut.size());
    if (rest.empty())
      rewriter.replaceOp(slice, gather.getInputs().front());
    else
      replaceWithNew<AllGatherOp>(rewriter, slice, gather, slice.getType(),
                                  gather.getInputs().front(), gather.getDimAttr(),
                                  gather.getMeshAttr(), reader.write(rest));
    return success();
  }
};

/// Two dimensions: over equal axes the split moves, over others it is cheaper to cut first.
struct SliceOfOtherGather : OpRewritePattern<ShardSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ShardSliceOp slice, PatternRewriter &rewriter) const override {
    auto gather = getProducer<AllGatherOp>(slice, slice.getInput());
    if (!gather || gather.getDim() == slice.getDim() || !gather->hasOneUse())
      return rewriter.notifyMatchFailure(slice,
                                         "is not the only use of a gather of another dimension");
    AxisReader reader = makeReader(slice);
    AxisList gathered = reader.read(gather.getAxes()), cut = reader.read(slice.getAxes());
    if (gathered == cut) {
      replaceWithNew<AllToAllOp>(rewriter, slice, gather, slice.getType(),
                                 gather.getInputs().front(), slice.getDimAttr(),
                                 gather.getDimAttr(), slice.getMeshAttr(), slice.getAxes());
      return success();
    }
    if (overlap(gathered, cut))
      return rewriter.notifyMatchFailure(slice, "shares some axes with the gather");
    auto type = resize(gather.getInputs().front(), slice.getDim(),
                       getDimSize(slice.getResult(), slice.getDim()));
    Value part = createLike<ShardSliceOp>(rewriter, slice, type, gather.getInputs().front(),
                                          slice.getDimAttr(), slice.getMeshAttr(), slice.getAxes());
    replaceWithNew<AllGatherOp>(rewriter, slice, gather, slice.getType(), part, gather.getDimAttr(),
                                gather.getMeshAttr(), gather.getAxes());
    return success();
  }
};

/// What is kept of a sum is all that need be summed.
struct SliceOfReduce : OpRewritePattern<ShardSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ShardSliceOp slice, PatternRewriter &rewriter) const override {
    auto reduce = getProducer<AllReduceOp>(slice, slice.getInput());
    if (!reduce || reduce.getNumResults() != 1 || !reduce->hasOneUse())
      return rewriter.notifyMatchFailure(slice,
                                         "is not the only use of an all_reduce of one operand");
    AxisReader reader = makeReader(slice);
    AxisList reduced = reader.read(reduce.getAxes()), cut = reader.read(slice.getAxes()), rest;
    llvm::copy_if(reduced, std::back_inserter(rest),
                  [&](const AxisRef &axis) { return !llvm::is_contained(cut, axis); });
    bool inner = contains(reduced, cut);
    if (!inner && overlap(reduced, cut))
      return rewriter.notifyMatchFailure(slice, "shares some axes with the all_reduce");
    Value input = reduce.getInputs().front(), part;
    // What is made like the all_reduce is there for the slice's reasons, too.
    Location loc = rewriter.getFusedLoc({slice.getLoc(), reduce.getLoc()});
    rewriter.modifyOpInPlace(reduce, [&] { reduce->setLoc(loc); });
    if (inner)
      part = createLike<ReduceScatterOp>(rewriter, reduce, slice.getType(), reduce.getKindAttr(),
                                         input, slice.getDimAttr(), slice.getMeshAttr(),
                                         slice.getAxes());
    else
      part = createLike<ShardSliceOp>(rewriter, slice, slice.getType(), input, slice.getDimAttr(),
                                      slice.getMeshAttr(), slice.getAxes());
    if (!rest.empty())
      part = createLike<AllReduceOp>(rewriter, reduce, part.getType(), reduce.getKindAttr(), part,
                                     reduce.getMeshAttr(), reader.write(rest));
    rewriter.replaceOp(slice, part);
    return success();
  }
};

struct GatherOfSlice : OpRewritePattern<AllGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllGatherOp gather, PatternRewriter &rewriter) const override {
    auto slice = getOnlyProducer<ShardSliceOp>(gather);
    if (!slice || slice.getDim() != gather.getDim() || slice.getAxes() != gather.getAxes())
      return rewriter.notifyMatchFailure(gather, "does not undo a slice");
    rewriter.replaceOp(gather, slice.getInput());
    return success();
  }
};

struct GatherOfScatter : OpRewritePattern<AllGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllGatherOp gather, PatternRewriter &rewriter) const override {
    auto scatter = getOnlyProducer<ReduceScatterOp>(gather);
    if (!scatter || scatter.getDim() != gather.getDim() || scatter.getAxes() != gather.getAxes() ||
        !scatter->hasOneUse())
      return rewriter.notifyMatchFailure(gather, "is not the only use of a scatter it undoes");
    replaceWithNew<AllReduceOp>(rewriter, gather, scatter, gather.getResultTypes(),
                                scatter.getKindAttr(), scatter.getInputs(), gather.getMeshAttr(),
                                gather.getAxes());
    return success();
  }
};

/// The outer gather's axes are the major ones.
struct GatherOfGather : OpRewritePattern<AllGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllGatherOp outer, PatternRewriter &rewriter) const override {
    auto inner = getOnlyProducer<AllGatherOp>(outer);
    if (!inner || inner.getDim() != outer.getDim() || !inner->hasOneUse())
      return rewriter.notifyMatchFailure(outer, "is not the only use of a gather of its dimension");
    ArrayAttr axes = makeReader(outer).join(outer.getAxes(), inner.getAxes());
    replaceWithNew<AllGatherOp>(rewriter, outer, inner, outer.getResultTypes(), inner.getInputs(),
                                outer.getDimAttr(), outer.getMeshAttr(), axes);
    return success();
  }
};

/// The inner slice's axes are the major ones.
struct SliceOfSlice : OpRewritePattern<ShardSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ShardSliceOp outer, PatternRewriter &rewriter) const override {
    auto inner = getProducer<ShardSliceOp>(outer, outer.getInput());
    if (!inner || inner.getDim() != outer.getDim())
      return rewriter.notifyMatchFailure(outer, "cuts no slice of its dimension");
    ArrayAttr axes = makeReader(outer).join(inner.getAxes(), outer.getAxes());
    replaceWithNew<ShardSliceOp>(rewriter, outer, inner, outer.getType(), inner.getInput(),
                                 outer.getDimAttr(), outer.getMeshAttr(), axes);
    return success();
  }
};

struct ReduceOfReduce : OpRewritePattern<AllReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllReduceOp outer, PatternRewriter &rewriter) const override {
    if (outer.getNumResults() != 1)
      return rewriter.notifyMatchFailure(outer, "has several operands");
    auto inner = getProducer<AllReduceOp>(outer, outer.getInputs().front());
    if (!inner || inner.getKind() != outer.getKind() || inner.getNumResults() != 1 ||
        !inner->hasOneUse())
      return rewriter.notifyMatchFailure(outer, "is not the only use of an all_reduce of its kind");
    AxisReader reader = makeReader(outer);
    AxisList axes = reader.read(outer.getAxes()), others = reader.read(inner.getAxes());
    if (overlap(axes, others))
      return rewriter.notifyMatchFailure(outer, "reduces over an axis for the second time");
    llvm::append_range(axes, others);
    llvm::sort(axes);
    replaceWithNew<AllReduceOp>(rewriter, outer, inner, outer.getResultTypes(), outer.getKindAttr(),
                                inner.getInputs(), outer.getMeshAttr(), reader.write(axes));
    return success();
  }
};

/// `AddType` of two sums: one sum of what is added before.
template <typename AddType>
struct AdditionOfReductions : OpRewritePattern<AddType> {
  using OpRewritePattern<AddType>::OpRewritePattern;

  LogicalResult matchAndRewrite(AddType add, PatternRewriter &rewriter) const override {
    Operation *lhs = add.getLhs().getDefiningOp(), *rhs = add.getRhs().getDefiningOp();
    if (!lhs || !rhs || lhs == rhs || !isLonelySum(lhs) || lhs->getName() != rhs->getName() ||
        !isLonelySum(rhs) ||
        !lhs->getName().compareOpProperties(lhs->getPropertiesStorage(),
                                            rhs->getPropertiesStorage()))
      return rewriter.notifyMatchFailure(add, "does not add two sums over the same ranks");
    auto sum = AddType::create(rewriter, add.getLoc(), lhs->getOperand(0), rhs->getOperand(0));
    sum->setDiscardableAttrs(add->getDiscardableAttrDictionary());
    Operation *reduction = rewriter.clone(*rhs);
    reduction->setLoc(getCombinedLoc(rewriter.getContext(), {lhs->getLoc(), rhs->getLoc()}));
    reduction->setOperand(0, sum);
    rewriter.replaceOp(add, reduction);
    return success();
  }

  static bool isLonelySum(Operation *op) {
    if (op->getNumResults() != 1 || !op->hasOneUse() || op->hasAttr(TPCDialect::kLayouts))
      return false;
    if (auto reduce = dyn_cast<AllReduceOp>(op))
      return reduce.getKind().getValue() == ReductionKind::Sum;
    auto scatter = dyn_cast<ReduceScatterOp>(op);
    return scatter && scatter.getKind().getValue() == ReductionKind::Sum;
  }
};

} // namespace

void tpc::populateCollectivePatterns(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.addWithLabel<SliceOfReduce, SliceOfSlice>({kScatterLabel}, context);
  patterns.addWithLabel<GatherOfScatter, GatherOfGather>({kGatherLabel}, context);
  patterns.addWithLabel<ReduceOfReduce, AdditionOfReductions<arith::AddFOp>,
                        AdditionOfReductions<arith::SubFOp>, AdditionOfReductions<arith::AddIOp>>(
      {kSumLabel}, context);
}

void tpc::populateGatherPatterns(RewritePatternSet &patterns) {
  patterns.addWithLabel<SliceOfGather, SliceOfOtherGather, GatherOfSlice>({kGatherLabel},
                                                                          patterns.getContext());
}
