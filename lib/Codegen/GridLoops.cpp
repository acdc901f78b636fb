//===- GridLoops.cpp - loop nests of elementwise, row and column kernels -------===//

#include "CpuKernelEmitter.h"
#include "GridExpressions.h"

using namespace mlir;
using namespace tpc;

/// Independent partial results of a reduction along a row: hides the latency of an addition, and
/// sums of long rows lose less to rounding.
static constexpr int64_t kAccumulators = 4;
/// Partial results of longer rows are made per so many columns, and added up: a float32 sum of n
/// summands is off by about sqrt(n) roundings.
static constexpr int64_t kColumnsPerBlock = 16384;
/// Rows that a column kernel adds up in registers before it touches its partial result.
static constexpr int64_t kRowsPerBlock = 8;

static Value getResultValue(CpuKernelEmitter &emitter, unsigned number) {
  return emitter.getKernel().getBody().front().getTerminator()->getOperand(number);
}

LogicalResult tpc::emitElementsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan) {
  GridExpressions expressions(emitter, plan);
  GridRow row;
  const KernelPhase &phase = plan.phases.front();
  for (unsigned number : phase.results)
    expressions.prepare(getResultValue(emitter, number), row, 0);
  bool mayHaveTail = plan.rowLength % emitter.getLanes() != 0;
  emitter.forVectors(emitter.getBegin(), emitter.getEnd(), mayHaveTail,
                     [&](Value index, Value mask) {
                       GridPoint point{row, index, mask};
                       expressions.storeResults(phase, point);
                     });
  return success();
}

//===-- rows -------------------------------------------------------------------===//

namespace {
/// One walk over the columns of a row.
class PhaseLoop {
public:
  PhaseLoop(CpuKernelEmitter &emitter, GridExpressions &expressions, const KernelPlan &plan,
            int number)
      : emitter(emitter), expressions(expressions), plan(plan), phase(plan.phases[number]),
        number(number) {}

  void emit(GridRow &row);

private:
  using Carried = CpuKernelEmitter::Carried;
  /// Stores this phase's results at a point and adds its reductions to accumulators [first, first +
  /// reductions).
  void emitPoint(GridRow &row, Value column, Value mask, MutableArrayRef<Value> accumulators);
  /// Whole vectors of [begin, end), as many at a time as there are accumulators of each reduction.
  Carried emitSegment(GridRow &row, Value begin, Value end, ValueRange accumulators,
                      int64_t unroll);
  Carried emitBlocks(GridRow &row, int64_t end, const Carried &identities, int64_t unroll);
  Carried getIdentities(int64_t copies);
  /// One scalar per reduction from `copies` vectors of each.
  void finish(GridRow &row, Carried accumulators, int64_t copies);

  CpuKernelEmitter &emitter;
  GridExpressions &expressions;
  const KernelPlan &plan;
  const KernelPhase &phase;
  int number;
};
} // namespace

void PhaseLoop::emitPoint(GridRow &row, Value column, Value mask,
                          MutableArrayRef<Value> accumulators) {
  GridPoint point{row, column, mask, number};
  for (auto [reduction, accumulator] : llvm::zip_equal(phase.reductions, accumulators))
    accumulator = expressions.combine(GridExpressions::getKind(reduction), accumulator,
                                      expressions.evaluateSummand(reduction, point));
  expressions.storeResults(phase, point);
}

PhaseLoop::Carried PhaseLoop::emitSegment(GridRow &row, Value begin, Value end,
                                          ValueRange accumulators, int64_t unroll) {
  size_t width = phase.reductions.size();
  return emitter.forEach(
      begin, end, unroll * emitter.getLanes(), accumulators, [&](Value column, ValueRange carried) {
        Carried next(carried);
        for (int64_t copy = 0; copy < unroll; ++copy) {
          Value at =
              copy ? emitter.add(column, emitter.integer(copy * emitter.getLanes())) : column;
          emitPoint(row, at, {}, MutableArrayRef<Value>(next).slice(copy * width, width));
        }
        return next;
      });
}

PhaseLoop::Carried PhaseLoop::getIdentities(int64_t copies) {
  Carried identities;
  for (int64_t copy = 0; copy < copies; ++copy)
    for (OpResult reduction : phase.reductions) {
      Type element = getElementTypeOrSelf(reduction.getOwner()->getOperand(0).getType());
      identities.push_back(expressions.getIdentity(GridExpressions::getKind(reduction),
                                                   VectorType::get({emitter.getLanes()}, element)));
    }
  return identities;
}

PhaseLoop::Carried PhaseLoop::emitBlocks(GridRow &row, int64_t end, const Carried &identities,
                                         int64_t unroll) {
  return emitter.forEach(emitter.integer(0), emitter.integer(end), kColumnsPerBlock, identities,
                         [&](Value begin, ValueRange totals) {
                           Value blockEnd = emitter.add(begin, emitter.integer(kColumnsPerBlock));
                           Carried partial = emitSegment(row, begin, blockEnd, identities, unroll);
                           for (auto [index, total] : llvm::enumerate(totals)) {
                             OpResult reduction = phase.reductions[index % phase.reductions.size()];
                             partial[index] = expressions.combine(
                                 GridExpressions::getKind(reduction), total, partial[index]);
                           }
                           return partial;
                         });
}

void PhaseLoop::finish(GridRow &row, Carried accumulators, int64_t copies) {
  int64_t width = phase.reductions.size();
  for (auto [index, reduction] : llvm::enumerate(phase.reductions)) {
    ReductionKind kind = GridExpressions::getKind(reduction);
    for (int64_t stride = copies / 2; stride; stride /= 2)
      for (int64_t copy = 0; copy < stride; ++copy) {
        Value &target = accumulators[copy * width + index];
        target = expressions.combine(kind, target, accumulators[(copy + stride) * width + index]);
      }
    row.scalars[reduction] = expressions.combineLanes(kind, accumulators[index]);
  }
}

void PhaseLoop::emit(GridRow &row) {
  for (OpResult reduction : phase.reductions)
    expressions.prepareSummand(reduction, row, number);
  for (unsigned result : phase.results)
    expressions.prepare(getResultValue(emitter, result), row, number);
  int64_t columns = plan.rowLength, lanes = emitter.getLanes(), width = phase.reductions.size();
  int64_t whole = columns / lanes * lanes,
          unrolled = columns / (lanes * kAccumulators) * (lanes * kAccumulators);
  int64_t copies = unrolled ? kAccumulators : 1;
  int64_t blocked =
      width && columns >= 2 * kColumnsPerBlock ? columns / kColumnsPerBlock * kColumnsPerBlock : 0;
  Carried accumulators = getIdentities(copies);
  if (blocked)
    accumulators = emitBlocks(row, blocked, accumulators, copies);
  if (blocked < unrolled)
    accumulators =
        emitSegment(row, emitter.integer(blocked), emitter.integer(unrolled), accumulators, copies);
  auto first = MutableArrayRef<Value>(accumulators).take_front(width);
  if (unrolled < whole)
    llvm::copy(
        emitSegment(row, emitter.integer(unrolled), emitter.integer(whole), ValueRange(first), 1),
        first.begin());
  if (whole < columns)
    emitPoint(row, emitter.integer(whole), emitter.getMask(columns - whole), first);
  finish(row, std::move(accumulators), copies);
}

LogicalResult tpc::emitRowsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan) {
  GridExpressions expressions(emitter, plan);
  emitter.forEach(emitter.getBegin(), emitter.getEnd(), 1, [&](Value number) {
    GridRow row;
    row.number = number;
    for (CrossEntropyOp pick : plan.picks)
      expressions.evaluateRow(pick.getTargetLogit(), row);
    for (int phase = 0, count = plan.phases.size(); phase < count; ++phase)
      PhaseLoop(emitter, expressions, plan, phase).emit(row);
    SmallVector<Value> scalars;
    for (unsigned result : plan.rowResults)
      scalars.push_back(expressions.evaluateRow(getResultValue(emitter, result), row));
    for (auto [result, scalar] : llvm::zip_equal(plan.rowResults, scalars))
      emitter.storeScalar(scalar, emitter.getResultPointer(result), number);
  });
  return success();
}

//===-- columns ----------------------------------------------------------------===//

namespace {
/// Sums (or maxima) down the columns [low, high) of slab `outer` of [outer, length, inner].
class ColumnLoop {
public:
  ColumnLoop(CpuKernelEmitter &emitter, GridExpressions &expressions, OpResult reduction,
             Value result)
      : emitter(emitter), expressions(expressions), reduction(reduction), result(result),
        kind(GridExpressions::getKind(reduction)),
        shape(ReductionShape::get(cast<ReduceOp>(reduction.getOwner()))) {}

  void emit();

private:
  void emitSlab(Value outer, Value low, Value high);
  void emitRows(Value outer, Value firstRow, int64_t count, Value low, Value high);
  bool mayHaveTail() const { return shape.outer != 1 || shape.inner % emitter.getLanes() != 0; }

  CpuKernelEmitter &emitter;
  GridExpressions &expressions;
  OpResult reduction;
  Value result; ///< its buffer
  ReductionKind kind;
  ReductionShape shape;
};
} // namespace

/// Adds rows [firstRow, firstRow + count) to the partial results, pairwise among themselves first.
void ColumnLoop::emitRows(Value outer, Value firstRow, int64_t count, Value low, Value high) {
  SmallVector<GridRow> rows;
  for (int64_t row = 0; row < count; ++row) {
    Value first = emitter.add(emitter.mul(outer, emitter.integer(shape.length)), firstRow);
    rows.emplace_back().number = emitter.add(first, emitter.integer(row));
    expressions.prepareSummand(reduction, rows.back(), 0);
  }
  Value base = emitter.mul(outer, emitter.integer(shape.inner));
  emitter.forVectors(low, high, mayHaveTail(), [&](Value column, Value mask) {
    SmallVector<Value> summands;
    for (GridRow &row : rows) {
      GridPoint point{row, column, mask};
      summands.push_back(expressions.evaluateSummand(reduction, point));
    }
    for (size_t size = summands.size(); size > 1; size = (size + 1) / 2)
      for (size_t pair = 0; pair < size / 2; ++pair)
        summands[pair] = expressions.combine(kind, summands[pair], summands[size - 1 - pair]);
    Value at = emitter.add(base, column);
    Value partial = emitter.loadVector(result, getElementTypeOrSelf(reduction.getType()), at, mask);
    emitter.storeVector(expressions.combine(kind, partial, summands.front()), result, at, mask);
  });
}

void ColumnLoop::emitSlab(Value outer, Value low, Value high) {
  Value base = emitter.mul(outer, emitter.integer(shape.inner));
  auto vector = VectorType::get({emitter.getLanes()}, getElementTypeOrSelf(reduction.getType()));
  Value identity = expressions.getIdentity(kind, vector);
  emitter.forVectors(low, high, mayHaveTail(), [&](Value column, Value mask) {
    emitter.storeVector(identity, result, emitter.add(base, column), mask);
  });
  int64_t blocks = shape.length / kRowsPerBlock * kRowsPerBlock;
  if (blocks)
    emitter.forEach(emitter.integer(0), emitter.integer(blocks), kRowsPerBlock,
                    [&](Value row) { emitRows(outer, row, kRowsPerBlock, low, high); });
  if (shape.length > blocks)
    emitRows(outer, emitter.integer(blocks), shape.length - blocks, low, high);
}

void ColumnLoop::emit() {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Value begin = emitter.getBegin(), end = emitter.getEnd(), inner = emitter.integer(shape.inner);
  if (shape.outer == 1)
    return emitSlab(emitter.integer(0), begin, end);
  Value lastSlab = emitter.div(emitter.add(end, emitter.integer(shape.inner - 1)), inner);
  emitter.forEach(emitter.div(begin, inner), lastSlab, 1, [&](Value outer) {
    Value base = emitter.mul(outer, inner);
    Value low = emitter.sub(arith::MaxSIOp::create(builder, loc, begin, base), base);
    Value high =
        emitter.sub(arith::MinSIOp::create(builder, loc, end, emitter.add(base, inner)), base);
    emitSlab(outer, low, high);
  });
}

LogicalResult tpc::emitColumnsKernel(CpuKernelEmitter &emitter, const KernelPlan &plan) {
  GridExpressions expressions(emitter, plan);
  func::FuncOp kernel = emitter.getKernel();
  for (auto [number, value] :
       llvm::enumerate(kernel.getBody().front().getTerminator()->getOperands()))
    ColumnLoop(emitter, expressions, cast<OpResult>(value), emitter.getResultPointer(number))
        .emit();
  return success();
}
