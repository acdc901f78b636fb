//===- ExpandCompound.cpp ------------------------------------------------------===//

#include "ExpandCompound.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "tpc/Dialect/TPCDialect.h"
#include <map>

using namespace mlir;
using namespace tpc;

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {

/// Builds simple ops at one place, with their origin.
class Expander {
public:
  explicit Expander(func::FuncOp function) : builder(function.getContext()) {}

  void expand(Operation *op);

private:
  void expandRmsNorm(RmsNormOp op);
  void expandRmsNormGrad(RmsNormGradOp op);
  void expandLayerNorm(LayerNormOp op);
  void expandLayerNormGrad(LayerNormGradOp op);
  void expandAdamW(AdamWOp op);
  void expandCrossEntropy(CrossEntropyOp op);
  void expandShardSlice(ShardSliceOp op);
  void expandExtractSlice(tensor::ExtractSliceOp op);
  void expandInsertSlice(tensor::InsertSliceOp op);
  void expandWithin(WithinOp op);
  Value getMask(WithinOp op, RankedTensorType type, int64_t dim);

  template <typename OpType, typename... Args>
  Value make(Args &&...args) {
    auto op = OpType::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr(kOrigin, builder.getStringAttr(origin));
    return op->getResult(0);
  }
  Value mul(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value div(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  Value splat(Type type, double value);
  /// Repeats a value of the leading dimensions (rows) along the others.
  Value broadcastRows(Value rows, RankedTensorType type);
  /// Repeats a value of the last dimension for every row.
  Value broadcastColumns(Value columns, RankedTensorType type);
  Value broadcastScalar(Value scalar, RankedTensorType type) {
    return make<BroadcastOp>(type, scalar, ArrayRef<int64_t>{});
  }
  Value reduceOnce(ReductionKind kind, Value input, ArrayRef<int64_t> dims);
  Value reduceLast(ReductionKind kind, Value input) {
    return reduceOnce(kind, input, {getTensor(input).getRank() - 1});
  }
  /// Any set of dimensions, as a chain of reductions that have a loop nest each.
  Value reduce(ReductionKind kind, Value input, ArrayRef<int64_t> dims);
  /// [n] as [n / c, c] with c at most half of kSingleStageElements; the input itself if n has no
  /// such divisor.
  Value viewAsChunks(Value input);
  Value reduceAll(Value input) {
    return reduce(ReductionKind::Sum, input,
                  llvm::to_vector(llvm::seq<int64_t>(0, getTensor(input).getRank())));
  }
  Value getSumOfSquares(Value input);
  Value getRms(Value input, double eps);
  /// The mean of each row.
  Value getMean(Value input);
  /// Of each row the mean and rsqrt(var + eps).
  struct RowStatistics {
    Value mean, scale;
  };
  RowStatistics getStatistics(Value input, double eps);
  Value normalize(Value input, const RowStatistics &rows);
  /// The sum of all rows.
  Value sumRows(Value input) {
    return reduce(ReductionKind::Sum, input,
                  llvm::to_vector(llvm::seq<int64_t>(0, getTensor(input).getRank() - 1)));
  }

  Value reshape(Value value, RankedTensorType type);

  /// What AdamW's loop needs of its hyper-parameters, computed once in float64 (1 - 0.999 loses
  /// half its digits in float32).
  struct AdamScalars {
    Value oneMinusBeta1, oneMinusBeta2, stepSize, inverseCorrection2, decay;
  };
  const AdamScalars &getAdamScalars(AdamWOp op);

  OpBuilder builder;
  Location loc = builder.getUnknownLoc();
  StringRef origin;
  std::map<std::array<void *, 5>, AdamScalars>
      adamScalars;             ///< by learning rate, betas, weight decay, step
  SmallVector<WithinOp> masks; ///< that stand already
};

} // namespace

Value Expander::splat(Type type, double value) {
  auto tensor = cast<RankedTensorType>(type);
  auto element = builder.getFloatAttr(tensor.getElementType(), value);
  return arith::ConstantOp::create(builder, loc,
                                   DenseElementsAttr::get(tensor, Attribute(element)));
}

Value Expander::broadcastRows(Value rows, RankedTensorType type) {
  return make<BroadcastOp>(type, rows,
                           llvm::to_vector(llvm::seq<int64_t>(0, getTensor(rows).getRank())));
}

Value Expander::broadcastColumns(Value columns, RankedTensorType type) {
  return make<BroadcastOp>(type, columns, ArrayRef<int64_t>{type.getRank() - 1});
}

Value Expander::reduceOnce(ReductionKind kind, Value input, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(getTensor(input).getShape()))
    if (!llvm::is_contained(dims, static_cast<int64_t>(dim)))
      shape.push_back(size);
  return make<ReduceOp>(RankedTensorType::get(shape, getTensor(input).getElementType()),
                        ReductionKindAttr::get(builder.getContext(), kind), input, dims);
}

/// The largest divisor of `count` up to half of kSingleStageElements, preferring whole vectors; 0
/// if there is none worth a stage.
static int64_t getChunk(int64_t count) {
  for (int64_t step : {64, 1})
    for (int64_t chunk = kSingleStageElements / 2; chunk >= 256; chunk -= step)
      if (count % chunk == 0)
        return chunk;
  return 0;
}

Value Expander::viewAsChunks(Value input) {
  RankedTensorType type = getTensor(input);
  int64_t count = type.getNumElements(), chunk = getChunk(count);
  if (!chunk)
    return input;
  if (type.getRank() != 1) {
    ReassociationIndices all = llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()));
    input =
        tensor::CollapseShapeOp::create(builder, loc, input, ArrayRef<ReassociationIndices>{all});
  }
  auto chunks = RankedTensorType::get({count / chunk, chunk}, type.getElementType());
  return tensor::ExpandShapeOp::create(builder, loc, chunks, input,
                                       ArrayRef<ReassociationIndices>{{0, 1}});
}

/// The last run of consecutive dims; dimensions of size 1 do not interrupt it.
static SmallVector<int64_t> getLastRun(ArrayRef<int64_t> dims, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> run{dims.back()};
  for (int64_t dim : llvm::reverse(dims.drop_back())) {
    if (llvm::any_of(llvm::seq<int64_t>(dim + 1, run.front()),
                     [&](int64_t between) { return shape[between] != 1; }))
      break;
    run.insert(run.begin(), dim);
  }
  return run;
}

Value Expander::reduce(ReductionKind kind, Value input, ArrayRef<int64_t> dims) {
  if (dims.empty())
    return input;
  RankedTensorType type = getTensor(input);
  if (static_cast<int64_t>(dims.size()) == type.getRank()) {
    Value chunks = type.getNumElements() > kSingleStageElements ? viewAsChunks(input) : input;
    if (chunks == input)
      return reduceOnce(kind, input, dims);
    return reduce(kind, reduceLast(kind, chunks), {0});
  }
  SmallVector<int64_t> run = getLastRun(dims, type.getShape());
  Value reduced = reduceOnce(kind, input, run);
  if (run.size() == dims.size())
    return reduced;
  return reduce(kind, reduced, dims.drop_back(run.size()));
}

Value Expander::getSumOfSquares(Value input) {
  Value view =
      getTensor(input).getNumElements() > kSingleStageElements ? viewAsChunks(input) : input;
  Value squares = mul(view, view);
  return reduceAll(view == input ? squares : reduceLast(ReductionKind::Sum, squares));
}

/// rsqrt(mean(x^2) + eps) of each row.
Value Expander::getRms(Value input, double eps) {
  Value mean = getMean(mul(input, input));
  return make<math::RsqrtOp>(add(mean, splat(mean.getType(), eps)));
}

Value Expander::getMean(Value input) {
  Value sum = reduceLast(ReductionKind::Sum, input);
  return div(sum, splat(sum.getType(), getTensor(input).getShape().back()));
}

/// The variance is that of the centered row: nothing is lost where the mean is large.
Expander::RowStatistics Expander::getStatistics(Value input, double eps) {
  Value mean = getMean(input);
  return {mean, getRms(sub(input, broadcastRows(mean, getTensor(input))), eps)};
}

Value Expander::normalize(Value input, const RowStatistics &rows) {
  RankedTensorType type = getTensor(input);
  return mul(sub(input, broadcastRows(rows.mean, type)), broadcastRows(rows.scale, type));
}

void Expander::expandRmsNorm(RmsNormOp op) {
  RankedTensorType type = getTensor(op.getInput());
  Value scale = broadcastRows(getRms(op.getInput(), op.getEps().convertToDouble()), type);
  op.replaceAllUsesWith(mul(mul(op.getInput(), scale), broadcastColumns(op.getWeight(), type)));
}

/// A row kernel makes d_input and the rows' rms, a column kernel d_weight from them: their products
/// are built apart, so that neither waits for memory on account of the other.
void Expander::expandRmsNormGrad(RmsNormGradOp op) {
  Value input = op.getInput();
  RankedTensorType type = getTensor(input);
  Value rms = getRms(input, op.getEps().convertToDouble());
  Value weighted = mul(op.getDResult(), broadcastColumns(op.getWeight(), type));
  Value sum = reduceLast(ReductionKind::Sum, mul(weighted, input));
  Value cube = div(mul(mul(rms, rms), rms), splat(rms.getType(), type.getShape().back()));
  Value along = mul(input, broadcastRows(mul(sum, cube), type));
  op.getDInput().replaceAllUsesWith(sub(mul(weighted, broadcastRows(rms, type)), along));
  if (op.getDWeight().use_empty())
    return;
  origin = "rms_norm_weight_grad";
  Value product = mul(mul(op.getDResult(), input), broadcastRows(rms, type));
  op.getDWeight().replaceAllUsesWith(sumRows(product));
}

void Expander::expandLayerNorm(LayerNormOp op) {
  Value input = op.getInput();
  RankedTensorType type = getTensor(input);
  Value normalized = normalize(input, getStatistics(input, op.getEps().convertToDouble()));
  Value scaled = mul(normalized, broadcastColumns(op.getWeight(), type));
  op.replaceAllUsesWith(add(scaled, broadcastColumns(op.getBias(), type)));
}

/// As for rms_norm: a row kernel makes d_input and the rows' statistics, a column kernel d_weight
/// and d_bias, which normalizes again.
void Expander::expandLayerNormGrad(LayerNormGradOp op) {
  Value input = op.getInput();
  RankedTensorType type = getTensor(input);
  RowStatistics rows = getStatistics(input, op.getEps().convertToDouble());
  Value normalized = normalize(input, rows);
  Value weighted = mul(op.getDResult(), broadcastColumns(op.getWeight(), type));
  Value mean = getMean(weighted), projection = getMean(mul(weighted, normalized));
  Value along = add(broadcastRows(mean, type), mul(normalized, broadcastRows(projection, type)));
  op.getDInput().replaceAllUsesWith(mul(sub(weighted, along), broadcastRows(rows.scale, type)));
  origin = "layer_norm_weight_grad";
  if (!op.getDWeight().use_empty())
    op.getDWeight().replaceAllUsesWith(sumRows(mul(op.getDResult(), normalize(input, rows))));
  origin = "layer_norm_bias_grad";
  if (!op.getDBias().use_empty())
    op.getDBias().replaceAllUsesWith(sumRows(op.getDResult()));
}

const Expander::AdamScalars &Expander::getAdamScalars(AdamWOp op) {
  std::array<void *, 5> key;
  for (auto [slot, value] :
       llvm::zip_equal(key, ValueRange{op.getLearningRate(), op.getBeta1(), op.getBeta2(),
                                       op.getWeightDecay(), op.getStep()}))
    slot = value.getAsOpaquePointer();
  auto [entry, inserted] = adamScalars.try_emplace(key);
  AdamScalars &scalars = entry->second;
  if (!inserted)
    return scalars;
  StringRef outer = std::exchange(origin, "adamw_scalars");
  auto f64 = RankedTensorType::get({}, builder.getF64Type());
  auto widen = [&](Value value) {
    return value.getType() == f64 ? value : make<arith::ExtFOp>(f64, value);
  };
  auto narrow = [&](Value value) {
    Type type = op.getLearningRate().getType();
    return value.getType() == type ? value : make<arith::TruncFOp>(type, value);
  };
  Value one = splat(f64, 1.0), step = make<arith::SIToFPOp>(f64, op.getStep());
  Value rate = widen(op.getLearningRate()), beta1 = widen(op.getBeta1()),
        beta2 = widen(op.getBeta2());
  auto correction = [&](Value beta) { return sub(one, make<math::PowFOp>(beta, step)); };
  scalars = {narrow(sub(one, beta1)), narrow(sub(one, beta2)), narrow(div(rate, correction(beta1))),
             narrow(div(one, correction(beta2))),
             narrow(sub(one, mul(rate, widen(op.getWeightDecay()))))};
  origin = outer;
  return scalars;
}

void Expander::expandAdamW(AdamWOp op) {
  const AdamScalars &scalars = getAdamScalars(op);
  RankedTensorType type = getTensor(op.getParam());
  auto all = [&](Value scalar) { return broadcastScalar(scalar, type); };
  Value gradient = mul(op.getGradient(), all(op.getScale()));
  Value average =
      add(mul(all(op.getBeta1()), op.getExpAvg()), mul(all(scalars.oneMinusBeta1), gradient));
  Value square = add(mul(all(op.getBeta2()), op.getExpAvgSq()),
                     mul(all(scalars.oneMinusBeta2), mul(gradient, gradient)));
  Value root = make<math::SqrtOp>(mul(square, all(scalars.inverseCorrection2)));
  Value update = div(mul(all(scalars.stepSize), average), add(root, all(op.getEps())));
  op.replaceAllUsesWith(
      ValueRange{sub(mul(op.getParam(), all(scalars.decay)), update), average, square});
}

/// Keeps the op for the pick of the target's logit.
void Expander::expandCrossEntropy(CrossEntropyOp op) {
  op->setAttr(kOrigin, builder.getStringAttr(origin));
  if (op.getLogSumExp().use_empty())
    return;
  Value maximum = reduceLast(ReductionKind::Max, op.getLogits());
  Value shifted = sub(op.getLogits(), broadcastRows(maximum, getTensor(op.getLogits())));
  Value sum = reduceLast(ReductionKind::Sum, make<math::ExpOp>(shifted));
  op.getLogSumExp().replaceAllUsesWith(add(maximum, make<math::LogOp>(sum)));
}

/// Equal, or made alike of axis indices and constants.
static bool areAlike(Value a, Value b) {
  if (!a || !b || a == b)
    return a == b;
  Operation *left = a.getDefiningOp(), *right = b.getDefiningOp();
  return left && right && left->getName() == right->getName() &&
         isa<AxisIndexOp, arith::ConstantOp, arith::MulIOp>(left) &&
         left->getAttrDictionary().getValue() == right->getAttrDictionary().getValue() &&
         llvm::equal(left->getOperands(), right->getOperands(), areAlike);
}

Value Expander::getMask(WithinOp op, RankedTensorType type, int64_t dim) {
  for (WithinOp mask : masks)
    if (mask.getType() == type && mask.getExtent() == op.getExtent() &&
        static_cast<int64_t>(mask.getDim()) == dim && areAlike(mask.getFirst(), op.getFirst()))
      return mask.getResult();
  auto mask = make<WithinOp>(type, op.getExtent(), dim, op.getFirst()).getDefiningOp<WithinOp>();
  masks.push_back(mask);
  return mask.getResult();
}

/// A mask varies along one dimension: it is made once for the columns, or for the rows, and
/// repeated in the kernels that use it.
void Expander::expandWithin(WithinOp op) {
  RankedTensorType type = op.getType();
  int64_t last = type.getRank() - 1, dim = op.getDim();
  if (last == 0)
    return;
  if (dim == last) {
    auto columns = RankedTensorType::get(type.getShape().back(), type.getElementType());
    return op.replaceAllUsesWith(broadcastColumns(getMask(op, columns, 0), type));
  }
  auto rows = RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
  op.replaceAllUsesWith(broadcastRows(getMask(op, rows, dim), type));
}

void Expander::expandShardSlice(ShardSliceOp op) {
  auto type = getTensor(op.getResult());
  Value index =
      AxisIndexOp::create(builder, loc, builder.getIndexType(), op.getMeshAttr(), op.getAxesAttr());
  Value size = arith::ConstantIndexOp::create(builder, loc, type.getDimSize(op.getDim()));
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)), sizes,
      strides(type.getRank(), builder.getIndexAttr(1));
  for (int64_t length : type.getShape())
    sizes.push_back(builder.getIndexAttr(length));
  offsets[op.getDim()] = arith::MulIOp::create(builder, loc, index, size).getResult();
  op.replaceAllUsesWith(make<tensor::ExtractSliceOp>(type, op.getInput(), offsets, sizes, strides));
}

/// Kernels copy boxes of the rank of the tensor around them; dropped dimensions are a reshape.
void Expander::expandExtractSlice(tensor::ExtractSliceOp op) {
  if (op.getDroppedDims().none())
    return;
  auto type = RankedTensorType::get(op.getStaticSizes(), op.getType().getElementType());
  Value box = make<tensor::ExtractSliceOp>(type, op.getSource(), op.getMixedOffsets(),
                                           op.getMixedSizes(), op.getMixedStrides());
  op.replaceAllUsesWith(reshape(box, op.getType()));
}

void Expander::expandInsertSlice(tensor::InsertSliceOp op) {
  if (op.getDroppedDims().none())
    return;
  auto type = RankedTensorType::get(op.getStaticSizes(), op.getSourceType().getElementType());
  op.replaceAllUsesWith(make<tensor::InsertSliceOp>(reshape(op.getSource(), type), op.getDest(),
                                                    op.getMixedOffsets(), op.getMixedSizes(),
                                                    op.getMixedStrides()));
}

/// Between two shapes that differ by dimensions of size 1.
Value Expander::reshape(Value value, RankedTensorType type) {
  auto getAll = [](RankedTensorType shape) -> SmallVector<ReassociationIndices> {
    if (shape.getRank() == 0)
      return {};
    return {llvm::to_vector<2>(llvm::seq<int64_t>(0, shape.getRank()))};
  };
  auto flat = RankedTensorType::get({type.getNumElements()}, type.getElementType());
  RankedTensorType from = getTensor(value);
  if (from.getRank() > 1)
    value = tensor::CollapseShapeOp::create(builder, loc, flat, value, getAll(from));
  else if (from.getRank() == 0)
    value = tensor::ExpandShapeOp::create(builder, loc, flat, value, getAll(from));
  if (type.getRank() > 1)
    return tensor::ExpandShapeOp::create(builder, loc, type, value, getAll(type));
  if (type.getRank() == 0)
    return tensor::CollapseShapeOp::create(builder, loc, type, value, getAll(type));
  return value;
}

void Expander::expand(Operation *op) {
  builder.setInsertionPoint(op);
  loc = op->getLoc();
  origin = op->getName().stripDialect();
  llvm::TypeSwitch<Operation *>(op)
      .Case<UseOp, BarrierOp>(
          [](auto identity) { identity.replaceAllUsesWith(identity.getInput()); })
      .Case([&](RmsNormOp norm) { expandRmsNorm(norm); })
      .Case([&](RmsNormGradOp grad) { expandRmsNormGrad(grad); })
      .Case([&](LayerNormOp norm) { expandLayerNorm(norm); })
      .Case([&](LayerNormGradOp grad) { expandLayerNormGrad(grad); })
      .Case([&](AdamWOp adamw) { expandAdamW(adamw); })
      .Case([&](CrossEntropyOp entropy) { expandCrossEntropy(entropy); })
      .Case([&](ShardSliceOp slice) { expandShardSlice(slice); })
      .Case([&](tensor::ExtractSliceOp slice) { expandExtractSlice(slice); })
      .Case([&](tensor::InsertSliceOp insert) { expandInsertSlice(insert); })
      .Case([&](WithinOp mask) { expandWithin(mask); })
      .Case([&](SumSquaresOp squares) {
        squares.replaceAllUsesWith(getSumOfSquares(squares.getInput()));
      })
      .Case([&](ReduceOp reduction) {
        reduction.replaceAllUsesWith(
            reduce(reduction.getKind().getValue(), reduction.getInput(), reduction.getDims()));
      })
      .Default([](Operation *) {});
  // A barrier is no pure op, or it would keep nothing apart; its work is done.
  if (isOpTriviallyDead(op) || isa<BarrierOp>(op))
    op->erase();
}

void tpc::expandCompoundOps(func::FuncOp function) {
  Expander expander(function);
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator()))
    expander.expand(&op);
}
