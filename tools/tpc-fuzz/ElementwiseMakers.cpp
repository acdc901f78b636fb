//===- ElementwiseMakers.cpp - arith and math on tensors -----------------------------===//

#include "OpMakers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

//===-- exact ----------------------------------------------------------------------===//

/// The coarsest grid that holds the multiples of both; rounded if one is.
static double join(const Term &a, const Term &b) { return std::min(a.grain, b.grain); }

template <typename OpType>
static void makeSum(Graph &graph) {
  Term lhs = graph.pickFloat(), rhs = graph.pickLike(lhs.getShape());
  double bound = lhs.bound + rhs.bound;
  if (graph.fits(bound, join(lhs, rhs)))
    graph.define(OpType::create(graph.builder, graph.loc, lhs.value, rhs.value), bound,
                 join(lhs, rhs));
}

/// The terms of a long sum: what insert-reshards regroups.
static void makeAdditionChain(Graph &graph) {
  Term total = graph.pickFloat();
  for (int64_t terms = graph.random.between(2, 5); terms > 0; --terms) {
    Term term = graph.pickLike(total.getShape());
    double bound = total.bound + term.bound, grain = join(total, term);
    if (!graph.fits(bound, grain))
      break;
    bool swapped = graph.random.chance(0.3);
    Value sum = arith::AddFOp::create(graph.builder, graph.loc, swapped ? term.value : total.value,
                                      swapped ? total.value : term.value);
    total = {sum, bound, grain};
  }
  graph.define(total.value, total.bound, total.grain);
}

static void makeProduct(Graph &graph) {
  Term lhs = graph.pickFloat(), rhs = graph.pickLike(lhs.getShape());
  double bound = lhs.bound * rhs.bound, grain = lhs.grain * rhs.grain;
  if (graph.fits(bound, grain))
    graph.define(arith::MulFOp::create(graph.builder, graph.loc, lhs.value, rhs.value), bound,
                 grain);
}

template <typename OpType>
static void makeExtremum(Graph &graph) {
  Term lhs = graph.pickFloat(), rhs = graph.pickLike(lhs.getShape());
  graph.define(OpType::create(graph.builder, graph.loc, lhs.value, rhs.value),
               std::max(lhs.bound, rhs.bound), join(lhs, rhs));
}

/// Between -2 and 2: keeps deep chains within exact numbers.
static void makeClamp(Graph &graph) {
  Term input = graph.pickFloat();
  Term low = graph.addConstant(input.getShape(), -2), high = graph.addConstant(input.getShape(), 2);
  Value raised = arith::MaximumFOp::create(graph.builder, graph.loc, input.value, low.value);
  graph.define(arith::MinimumFOp::create(graph.builder, graph.loc, raised, high.value), 2,
               input.grain);
}

/// Changes the sign at most.
template <typename OpType>
static void makeSign(Graph &graph) {
  Term input = graph.pickFloat();
  graph.define(OpType::create(graph.builder, graph.loc, input.value), input.bound, input.grain);
}

static void makeHalf(Graph &graph) {
  Term input = graph.pickFloat();
  Term two = graph.addConstant(input.getShape(), 2);
  if (graph.fits(input.bound / 2, input.grain / 2))
    graph.define(arith::DivFOp::create(graph.builder, graph.loc, input.value, two.value),
                 input.bound / 2, input.grain / 2);
}

static void makeSelect(Graph &graph) {
  Term first = graph.pickFloat(0, 3), second = graph.pickLike(first.getShape());
  Value mask = graph.pickMask(first.getShape());
  graph.define(arith::SelectOp::create(graph.builder, graph.loc, mask, first.value, second.value),
               std::max(first.bound, second.bound), join(first, second));
}

/// Only exact values: a comparison of rounded ones may fall either way.
static void makeComparison(Graph &graph) {
  static const arith::CmpFPredicate predicates[] = {
      arith::CmpFPredicate::OEQ, arith::CmpFPredicate::OLT, arith::CmpFPredicate::OGE};
  Term lhs = graph.pickFloat(0, 3), rhs = graph.pickLike(lhs.getShape());
  if (join(lhs, rhs) > 0)
    graph.define(arith::CmpFOp::create(graph.builder, graph.loc, graph.random.pick(predicates),
                                       lhs.value, rhs.value),
                 1, 1);
}

//===-- integers -------------------------------------------------------------------===//

/// Integers of magnitude at most `bound` become a float value.
static void defineIntegers(Graph &graph, Value integers, int64_t bound) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(integers.getType()).getShape();
  graph.define(arith::SIToFPOp::create(graph.builder, graph.loc, graph.getType(shape), integers),
               static_cast<double>(bound), 1);
}

template <typename OpType>
static void makeInteger(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  Value lhs = graph.addIds(shape), rhs = graph.pickIds(shape);
  Value value = OpType::create(graph.builder, graph.loc, lhs, rhs);
  int64_t bound = graph.getIds() * graph.getIds();
  if (graph.fits(static_cast<double>(bound), 1))
    defineIntegers(graph, value, bound);
}

/// By a constant that is not zero.
template <typename OpType>
static void makeIntegerQuotient(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  auto type = RankedTensorType::get(shape, graph.builder.getI32Type());
  auto splat = DenseElementsAttr::get(
      type, graph.builder.getI32IntegerAttr(static_cast<int32_t>(graph.random.between(1, 3))));
  Value divisor = arith::ConstantOp::create(graph.builder, graph.loc, splat);
  Value value = OpType::create(graph.builder, graph.loc, graph.pickIds(shape), divisor);
  defineIntegers(graph, value, graph.getIds());
}

/// To 64 bits, back, and to a float.
static void makeIntegerCasts(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  auto wide = RankedTensorType::get(shape, graph.builder.getI64Type());
  auto narrow = RankedTensorType::get(shape, graph.builder.getI32Type());
  Value extended = arith::ExtSIOp::create(graph.builder, graph.loc, wide, graph.pickIds(shape));
  Value value = arith::TruncIOp::create(graph.builder, graph.loc, narrow, extended);
  defineIntegers(graph, value, graph.getIds());
}

template <typename OpType>
static void makeLogic(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  Value lhs = graph.pickMask(shape), rhs = graph.pickMask(shape);
  graph.define(OpType::create(graph.builder, graph.loc, lhs, rhs), 1, 1);
}

/// Counts where a mask holds, as a loss counts its valid tokens.
static void makeCount(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  Value mask = graph.pickMask(shape);
  if (graph.random.chance(0.5)) {
    graph.define(arith::UIToFPOp::create(graph.builder, graph.loc, graph.getType(shape), mask), 1,
                 1);
    return;
  }
  auto type = RankedTensorType::get(shape, graph.builder.getI32Type());
  Value integer = arith::ExtUIOp::create(graph.builder, graph.loc, type, mask);
  defineIntegers(graph, integer, 1);
}

/// To another width and back: exact numbers survive f32.
static void makeCasts(Graph &graph) {
  Term input = graph.pickFloat();
  Type wide = RankedTensorType::get(input.getShape(), graph.builder.getF64Type());
  Type narrow = RankedTensorType::get(input.getShape(), graph.builder.getF32Type());
  if (graph.getElement().isF64() && (input.grain == 0 || input.bound > input.grain * 0x1p22))
    return;
  Value value;
  if (graph.getElement().isF64()) {
    Value rounded = arith::TruncFOp::create(graph.builder, graph.loc, narrow, input.value);
    value = arith::ExtFOp::create(graph.builder, graph.loc, wide, rounded);
  } else {
    Value extended = arith::ExtFOp::create(graph.builder, graph.loc, wide, input.value);
    value = arith::TruncFOp::create(graph.builder, graph.loc, narrow, extended);
  }
  graph.define(value, input.bound, input.grain);
}

//===-- rounded --------------------------------------------------------------------===//

/// Well-conditioned up to a few hundred: beyond, a rounding error of the operand is one of the
/// result.
static bool isTame(const Term &term) { return term.bound <= 64; }

template <typename OpType>
static void makeBounded(Graph &graph) {
  Term input = graph.pickFloat();
  if (isTame(input))
    graph.define(OpType::create(graph.builder, graph.loc, input.value), 1, 0);
}

static void makeExp(Graph &graph) {
  Term input = graph.pickFloat();
  if (input.bound <= 6)
    graph.define(math::ExpOp::create(graph.builder, graph.loc, input.value), std::exp(input.bound),
                 0);
}

/// x^2 + 1/2
static Value addPositive(Graph &graph, const Term &input) {
  Value square = arith::MulFOp::create(graph.builder, graph.loc, input.value, input.value);
  return arith::AddFOp::create(graph.builder, graph.loc, square,
                               graph.addConstant(input.getShape(), 0.5).value);
}

template <typename OpType>
static void makeOfPositive(Graph &graph) {
  Term input = graph.pickFloat();
  if (isTame(input))
    graph.define(OpType::create(graph.builder, graph.loc, addPositive(graph, input)),
                 input.bound + 2, 0);
}

static void makePower(Graph &graph) {
  Term input = graph.pickFloat();
  if (isTame(input))
    graph.define(math::PowFOp::create(graph.builder, graph.loc, addPositive(graph, input),
                                      graph.addConstant(input.getShape(), -0.75).value),
                 2, 0);
}

static void makeQuotient(Graph &graph) {
  Term divisor = graph.pickFloat(), dividend = graph.pickLike(divisor.getShape());
  if (isTame(divisor) && graph.fits(dividend.bound * 2, 0))
    graph.define(arith::DivFOp::create(graph.builder, graph.loc, dividend.value,
                                       addPositive(graph, divisor)),
                 dividend.bound * 2, 0);
}

ArrayRef<OpMaker> tpc::fuzz::getElementwiseMakers() {
  static const OpMaker makers[] = {
      {"arith.addf", true, 4, makeSum<arith::AddFOp>},
      {"arith.addf", true, 2, makeAdditionChain},
      {"arith.subf", true, 2, makeSum<arith::SubFOp>},
      {"arith.mulf", true, 3, makeProduct},
      {"arith.maximumf", true, 1, makeExtremum<arith::MaximumFOp>},
      {"arith.minimumf", true, 1, makeExtremum<arith::MinimumFOp>},
      {"arith.minimumf", true, 2, makeClamp},
      {"arith.negf", true, 1, makeSign<arith::NegFOp>},
      {"arith.divf", true, 1, makeHalf},
      {"math.absf", true, 1, makeSign<math::AbsFOp>},
      {"arith.select", true, 2, makeSelect},
      {"arith.cmpf", true, 1, makeComparison},
      {"arith.addi", true, 1, makeInteger<arith::AddIOp>},
      {"arith.subi", true, 1, makeInteger<arith::SubIOp>},
      {"arith.muli", true, 1, makeInteger<arith::MulIOp>},
      {"arith.maxsi", true, 1, makeInteger<arith::MaxSIOp>},
      {"arith.minsi", true, 1, makeInteger<arith::MinSIOp>},
      {"arith.divsi", true, 1, makeIntegerQuotient<arith::DivSIOp>},
      {"arith.remsi", true, 1, makeIntegerQuotient<arith::RemSIOp>},
      {"arith.extsi", true, 1, makeIntegerCasts},
      {"arith.andi", true, 1, makeLogic<arith::AndIOp>},
      {"arith.ori", true, 1, makeLogic<arith::OrIOp>},
      {"arith.xori", true, 1, makeLogic<arith::XOrIOp>},
      {"arith.uitofp", true, 1, makeCount},
      {"arith.truncf", true, 1, makeCasts},
      {"math.exp", false, 2, makeExp},
      {"math.tanh", false, 1, makeBounded<math::TanhOp>},
      {"math.sin", false, 1, makeBounded<math::SinOp>},
      {"math.cos", false, 1, makeBounded<math::CosOp>},
      {"math.log", false, 1, makeOfPositive<math::LogOp>},
      {"math.sqrt", false, 1, makeOfPositive<math::SqrtOp>},
      {"math.rsqrt", false, 1, makeOfPositive<math::RsqrtOp>},
      {"math.powf", false, 1, makePower},
      {"arith.divf", false, 2, makeQuotient},
  };
  return makers;
}
