//===- ElementwiseMakers.cpp - arith and math on tensors -----------------------------===//

#include "OpMakers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

/// One of several ops that are made alike.
using Create = Value (*)(Graph &graph, Value operand);

template <typename OpType>
static Value create(Graph &graph, Value operand) {
  return OpType::create(graph.builder, graph.loc, operand);
}

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

/// Only exact values: rounded ones may fall on either side of an integer.
static void makeIntegral(Graph &graph) {
  static const Create functions[] = {create<math::FloorOp>, create<math::CeilOp>,
                                     create<math::RoundOp>, create<math::RoundEvenOp>,
                                     create<math::TruncOp>};
  Term input = graph.pickFloat();
  double bound = std::ceil(input.bound), grain = std::max(input.grain, 1.0);
  if (input.grain > 0 && graph.fits(bound, grain))
    graph.define(graph.random.pick(functions)(graph, input.value), bound, grain);
}

/// The sign of a number that is not zero: of zero it depends on the order of sums.
static void makeCopySign(Graph &graph) {
  Term input = graph.pickFloat(), sign = graph.pickLike(input.getShape());
  if (sign.grain == 0 || !graph.fits(sign.bound + sign.grain / 2, sign.grain / 2))
    return;
  Value offset = graph.addConstant(input.getShape(), sign.grain / 2).value;
  Value odd = arith::AddFOp::create(graph.builder, graph.loc, sign.value, offset);
  graph.define(math::CopySignOp::create(graph.builder, graph.loc, input.value, odd), input.bound,
               input.grain);
}

static void makeRemainder(Graph &graph) {
  Term input = graph.pickFloat();
  Term divisor = graph.addConstant(input.getShape(), 1.5);
  if (input.grain > 0)
    graph.define(arith::RemFOp::create(graph.builder, graph.loc, input.value, divisor.value), 1.5,
                 std::min(input.grain, 0.5));
}

static void makeFma(Graph &graph) {
  Term lhs = graph.pickFloat(), rhs = graph.pickLike(lhs.getShape()),
       summand = graph.pickLike(lhs.getShape());
  double bound = lhs.bound * rhs.bound + summand.bound,
         grain = std::min(lhs.grain * rhs.grain, summand.grain);
  if (graph.fits(bound, grain))
    graph.define(math::FmaOp::create(graph.builder, graph.loc, lhs.value, rhs.value, summand.value),
                 bound, grain);
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

/// Of either sign.
static Value addDifference(Graph &graph, ArrayRef<int64_t> shape) {
  return arith::SubIOp::create(graph.builder, graph.loc, graph.pickIds(shape),
                               graph.pickIds(shape));
}

/// By a constant that is not zero.
template <typename OpType>
static void makeIntegerQuotient(Graph &graph) {
  SmallVector<int64_t> shape = graph.drawShape(0, 3);
  auto type = RankedTensorType::get(shape, graph.builder.getI32Type());
  auto splat = DenseElementsAttr::get(
      type, graph.builder.getI32IntegerAttr(static_cast<int32_t>(graph.random.between(1, 3))));
  Value divisor = arith::ConstantOp::create(graph.builder, graph.loc, splat);
  Value value = OpType::create(graph.builder, graph.loc, addDifference(graph, shape), divisor);
  defineIntegers(graph, value, graph.getIds());
}

static void makeMagnitude(Graph &graph) {
  Value difference = addDifference(graph, graph.drawShape(0, 3));
  defineIntegers(graph, create<math::AbsIOp>(graph, difference), graph.getIds());
}

/// Towards zero and back; only exact values, as above.
static void makeTruncation(Graph &graph) {
  Term input = graph.pickFloat();
  if (input.grain == 0 || input.bound >= 0x1p31)
    return;
  auto type = RankedTensorType::get(input.getShape(), graph.builder.getI32Type());
  Value integers = arith::FPToSIOp::create(graph.builder, graph.loc, type, input.value);
  defineIntegers(graph, integers, static_cast<int64_t>(input.bound));
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

static void makeBounded(Graph &graph) {
  static const Create functions[] = {
      create<math::TanhOp>, create<math::SinOp>,  create<math::CosOp>,  create<math::ErfOp>,
      create<math::ErfcOp>, create<math::AtanOp>, create<math::AsinhOp>};
  Term input = graph.pickFloat();
  if (isTame(input))
    graph.define(graph.random.pick(functions)(graph, input.value), 5, 0);
}

static void makeExponential(Graph &graph) {
  static const Create functions[] = {create<math::ExpOp>,  create<math::ExpOp>,
                                     create<math::Exp2Op>, create<math::ExpM1Op>,
                                     create<math::SinhOp>, create<math::CoshOp>};
  Term input = graph.pickFloat();
  if (input.bound <= 6)
    graph.define(graph.random.pick(functions)(graph, input.value), std::exp(input.bound), 0);
}

/// x^2 + 1/2
static Value addPositive(Graph &graph, const Term &input) {
  Value square = arith::MulFOp::create(graph.builder, graph.loc, input.value, input.value);
  return arith::AddFOp::create(graph.builder, graph.loc, square,
                               graph.addConstant(input.getShape(), 0.5).value);
}

static void makeOfPositive(Graph &graph) {
  static const Create functions[] = {
      create<math::LogOp>,  create<math::Log2Op>,  create<math::Log10Op>, create<math::Log1pOp>,
      create<math::SqrtOp>, create<math::RsqrtOp>, create<math::CbrtOp>};
  Term input = graph.pickFloat();
  if (isTame(input))
    graph.define(graph.random.pick(functions)(graph, addPositive(graph, input)), input.bound + 2,
                 0);
}

/// x / (x^2 + 1/2), at most 0.71 in magnitude
static void makeOfFraction(Graph &graph) {
  static const Create functions[] = {create<math::AsinOp>, create<math::AcosOp>,
                                     create<math::AtanhOp>, create<math::TanOp>};
  Term input = graph.pickFloat();
  if (!isTame(input))
    return;
  Value fraction =
      arith::DivFOp::create(graph.builder, graph.loc, input.value, addPositive(graph, input));
  graph.define(graph.random.pick(functions)(graph, fraction), 2.5, 0);
}

/// Of x^2 + 3/2.
static void makeAcosh(Graph &graph) {
  Term input = graph.pickFloat();
  if (!isTame(input))
    return;
  Value one = graph.addConstant(input.getShape(), 1).value;
  Value value = arith::AddFOp::create(graph.builder, graph.loc, addPositive(graph, input), one);
  graph.define(create<math::AcoshOp>(graph, value), input.bound + 2, 0);
}

/// Away from the negative axis, where the angle jumps.
static void makeAngle(Graph &graph) {
  Term y = graph.pickFloat(), x = graph.pickLike(y.getShape());
  if (isTame(x) && isTame(y))
    graph.define(math::Atan2Op::create(graph.builder, graph.loc, y.value, addPositive(graph, x)), 2,
                 0);
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
      {"arith.maxnumf", true, 1, makeExtremum<arith::MaxNumFOp>},
      {"arith.minnumf", true, 1, makeExtremum<arith::MinNumFOp>},
      {"arith.negf", true, 1, makeSign<arith::NegFOp>},
      {"arith.divf", true, 1, makeHalf},
      {"arith.remf", true, 1, makeRemainder},
      {"math.floor", true, 2, makeIntegral},
      {"math.copysign", true, 1, makeCopySign},
      {"math.fma", true, 1, makeFma},
      {"math.absf", true, 1, makeSign<math::AbsFOp>},
      {"arith.select", true, 2, makeSelect},
      {"arith.cmpf", true, 1, makeComparison},
      {"arith.addi", true, 1, makeInteger<arith::AddIOp>},
      {"arith.subi", true, 1, makeInteger<arith::SubIOp>},
      {"arith.muli", true, 1, makeInteger<arith::MulIOp>},
      {"arith.maxsi", true, 1, makeInteger<arith::MaxSIOp>},
      {"arith.minsi", true, 1, makeInteger<arith::MinSIOp>},
      {"arith.divsi", true, 1, makeIntegerQuotient<arith::DivSIOp>},
      {"arith.floordivsi", true, 1, makeIntegerQuotient<arith::FloorDivSIOp>},
      {"arith.ceildivsi", true, 1, makeIntegerQuotient<arith::CeilDivSIOp>},
      {"arith.remsi", true, 1, makeIntegerQuotient<arith::RemSIOp>},
      {"math.absi", true, 1, makeMagnitude},
      {"arith.fptosi", true, 1, makeTruncation},
      {"arith.extsi", true, 1, makeIntegerCasts},
      {"arith.andi", true, 1, makeLogic<arith::AndIOp>},
      {"arith.ori", true, 1, makeLogic<arith::OrIOp>},
      {"arith.xori", true, 1, makeLogic<arith::XOrIOp>},
      {"arith.uitofp", true, 1, makeCount},
      {"arith.truncf", true, 1, makeCasts},
      {"math.exp", false, 3, makeExponential},
      {"math.tanh", false, 4, makeBounded},
      {"math.log", false, 4, makeOfPositive},
      {"math.tan", false, 2, makeOfFraction},
      {"math.acosh", false, 1, makeAcosh},
      {"math.atan2", false, 1, makeAngle},
      {"math.powf", false, 1, makePower},
      {"arith.divf", false, 2, makeQuotient},
  };
  return makers;
}
