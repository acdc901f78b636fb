//===- GpuRows.cpp - row kernels: a block, or a part of a warp, per row --------===//

#include "../GridExpressions.h"
#include "GpuKernelEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tpc;

namespace {

/// The program of a thread, which has a share of the vectors of one row. A row that fits stays in
/// registers: `points` keep what one phase has evaluated for the next. Longer rows are read again
/// in each phase.
class RowProgram {
public:
  RowProgram(GpuKernelEmitter &emitter, const KernelPlan &plan, const RowGeometry &geometry,
             Value rows)
      : emitter(emitter), expressions(emitter, plan), plan(plan), geometry(geometry), rows(rows) {}

  void emit();

private:
  using Carried = KernelEmitter::Carried;

  void findRow();
  /// The vector that is `distance` vectors beyond this thread's first one.
  GridPoint getPoint(Value distance, bool mayBeOutside);
  void makePoints();
  void emitPhase(int number);
  /// Results and summands of a phase at `point`; the latter are added to `accumulators`.
  void emitPoint(const KernelPhase &phase, GridPoint &point, MutableArrayRef<Value> accumulators);
  /// All vectors of a row that is too long for registers.
  void emitLoop(const KernelPhase &phase, int number, Carried &accumulators);
  Carried getIdentities(const KernelPhase &phase);
  /// One scalar per reduction, the same for all threads of the row.
  void finish(const KernelPhase &phase, Carried accumulators);
  Value reduceWarp(ReductionKind kind, Value scalar, int64_t threads);
  void reduceBlock(const KernelPhase &phase, MutableArrayRef<Value> scalars);
  void storeRowResults();
  Value getResultValue(unsigned number) {
    return emitter.getKernel().getBody().front().getTerminator()->getOperand(number);
  }

  GpuKernelEmitter &emitter;
  GridExpressions expressions;
  const KernelPlan &plan;
  const RowGeometry &geometry;
  Value rows;      ///< null: as many as `geometry` says
  Value lane;      ///< this thread's number in the row
  Value rowExists; ///< null: it does
  GridRow row;
  std::vector<GridPoint> points;
};

} // namespace

void RowProgram::findRow() {
  lane = emitter.getThread(), row.number = emitter.getBlock();
  if (geometry.rowsPerBlock == 1)
    return;
  Value perRow = emitter.integer(geometry.threadsPerRow);
  Value first = emitter.mul(row.number, emitter.integer(geometry.rowsPerBlock));
  row.number = emitter.add(first, emitter.div(lane, perRow));
  lane = emitter.rem(lane, perRow);
  if (!rows && geometry.rows % geometry.rowsPerBlock == 0)
    return;
  auto clamped = emitter.clamp(row.number, rows ? rows : emitter.integer(geometry.rows));
  row.number = clamped.index, rowExists = clamped.inside;
}

GridPoint RowProgram::getPoint(Value distance, bool mayBeOutside) {
  Value vector = emitter.add(lane, distance), exists = rowExists;
  if (mayBeOutside) {
    auto clamped = emitter.clamp(vector, geometry.vectors);
    vector = clamped.index;
    exists = exists ? emitter.both(exists, clamped.inside) : clamped.inside;
  }
  Value column = emitter.mul(vector, emitter.integer(geometry.lanes));
  return GridPoint{row, column, exists ? emitter.getMask(exists) : Value()};
}

void RowProgram::makePoints() {
  for (int64_t copy = 0; copy < geometry.vectorsPerThread; ++copy) {
    int64_t first = copy * geometry.threadsPerRow;
    points.push_back(
        getPoint(emitter.integer(first), first + geometry.threadsPerRow > geometry.vectors));
  }
}

void RowProgram::emitPoint(const KernelPhase &phase, GridPoint &point,
                           MutableArrayRef<Value> accumulators) {
  for (auto [reduction, accumulator] : llvm::zip_equal(phase.reductions, accumulators)) {
    Value summand = expressions.evaluateSummand(reduction, point);
    accumulator =
        accumulator ? expressions.combine(GridExpressions::getKind(reduction), accumulator, summand)
                    : summand;
  }
  expressions.storeResults(phase, point);
}

RowProgram::Carried RowProgram::getIdentities(const KernelPhase &phase) {
  Carried identities;
  for (int64_t copy = 0; copy < geometry.vectorsPerThread; ++copy)
    for (OpResult reduction : phase.reductions) {
      Type element = getElementTypeOrSelf(reduction.getOwner()->getOperand(0).getType());
      identities.push_back(expressions.getIdentity(GridExpressions::getKind(reduction),
                                                   VectorType::get({geometry.lanes}, element)));
    }
  return identities;
}

void RowProgram::emitLoop(const KernelPhase &phase, int number, Carried &accumulators) {
  int64_t width = phase.reductions.size(), threads = geometry.threadsPerRow;
  int64_t step = threads * geometry.vectorsPerThread, whole = geometry.vectors / step * step;
  auto emitAt = [&](Value distance, bool mayBeOutside, Carried &carried, int64_t copy) {
    GridPoint point = getPoint(distance, mayBeOutside);
    point.phase = number;
    emitPoint(phase, point, MutableArrayRef<Value>(carried).slice(copy * width, width));
  };
  accumulators = emitter.forEach(emitter.integer(0), emitter.integer(whole), step,
                                 getIdentities(phase), [&](Value first, ValueRange carried) {
                                   Carried next(carried);
                                   for (int64_t copy = 0; copy < geometry.vectorsPerThread; ++copy)
                                     emitAt(emitter.add(first, emitter.integer(copy * threads)),
                                            false, next, copy);
                                   return next;
                                 });
  for (int64_t first = whole, copy = 0; first < geometry.vectors; first += threads, ++copy)
    emitAt(emitter.integer(first), first + threads > geometry.vectors, accumulators, copy);
}

void RowProgram::emitPhase(int number) {
  const KernelPhase &phase = plan.phases[number];
  size_t width = phase.reductions.size();
  Carried accumulators(width);
  if (geometry.looped) {
    for (OpResult reduction : phase.reductions)
      expressions.prepareSummand(reduction, row, number);
    for (unsigned result : phase.results)
      expressions.prepare(getResultValue(result), row, number);
    emitLoop(phase, number, accumulators);
    for (size_t index = width; index < accumulators.size(); ++index) {
      ReductionKind kind = GridExpressions::getKind(phase.reductions[index % width]);
      Value &total = accumulators[index % width];
      total = expressions.combine(kind, total, accumulators[index]);
    }
    accumulators.truncate(width);
  } else {
    for (GridPoint &point : points) {
      point.phase = number;
      emitPoint(phase, point, accumulators);
    }
  }
  finish(phase, std::move(accumulators));
}

Value RowProgram::reduceWarp(ReductionKind kind, Value scalar, int64_t threads) {
  for (int64_t distance = threads / 2; distance; distance /= 2)
    scalar = expressions.combine(kind, scalar, emitter.exchange(scalar, distance));
  return scalar;
}

/// Each warp leaves its result in shared memory, where all threads find it.
void RowProgram::reduceBlock(const KernelPhase &phase, MutableArrayRef<Value> scalars) {
  int64_t warps = geometry.threadsPerRow / kWarp, slots = llvm::PowerOf2Ceil(warps);
  Value inWarp = emitter.rem(lane, emitter.integer(kWarp));
  Value warp = emitter.div(lane, emitter.integer(kWarp)), zero = emitter.integer(0);
  auto memory = llvm::map_to_vector(
      scalars, [&](Value scalar) { return emitter.allocateShared(scalar.getType(), warps); });
  emitter.doIf(emitter.compare(arith::CmpIPredicate::eq, inWarp, zero), [&] {
    for (auto [scalar, buffer] : llvm::zip_equal(scalars, memory))
      emitter.storeShared(scalar, buffer, warp);
  });
  emitter.synchronize();
  auto slot = emitter.clamp(emitter.rem(lane, emitter.integer(slots)), warps);
  for (auto [index, reduction] : llvm::enumerate(phase.reductions)) {
    ReductionKind kind = GridExpressions::getKind(reduction);
    Value &scalar = scalars[index];
    Type type = scalar.getType();
    Value partial = emitter.loadShared(memory[index], type, slot.index);
    partial = emitter.select(slot.inside, partial, expressions.getIdentity(kind, type));
    scalar = reduceWarp(kind, partial, slots);
  }
}

void RowProgram::finish(const KernelPhase &phase, Carried accumulators) {
  if (phase.reductions.empty())
    return;
  for (auto [reduction, accumulator] : llvm::zip_equal(phase.reductions, accumulators)) {
    ReductionKind kind = GridExpressions::getKind(reduction);
    accumulator = reduceWarp(kind, expressions.combineLanes(kind, accumulator),
                             std::min(geometry.threadsPerRow, kWarp));
  }
  if (geometry.threadsPerRow > kWarp)
    reduceBlock(phase, accumulators);
  for (auto [reduction, scalar] : llvm::zip_equal(phase.reductions, accumulators))
    row.scalars[reduction] = scalar;
}

/// By the first thread of a row, when all have read what the results may replace.
void RowProgram::storeRowResults() {
  if (plan.rowResults.empty())
    return;
  SmallVector<Value> scalars;
  for (unsigned result : plan.rowResults)
    scalars.push_back(expressions.evaluateRow(getResultValue(result), row));
  emitter.synchronize();
  Value first = emitter.compare(arith::CmpIPredicate::eq, lane, emitter.integer(0));
  emitter.doIf(rowExists ? emitter.both(first, rowExists) : first, [&] {
    for (auto [result, scalar] : llvm::zip_equal(plan.rowResults, scalars))
      emitter.storeScalar(scalar, emitter.getResultPointer(result), row.number);
  });
}

void RowProgram::emit() {
  findRow();
  for (CrossEntropyOp pick : plan.picks)
    expressions.evaluateRow(pick.getTargetLogit(), row);
  // What a thread has picked another one may overwrite.
  if (!plan.picks.empty())
    emitter.synchronize();
  if (!geometry.looped)
    makePoints();
  for (int phase = 0, count = plan.phases.size(); phase < count; ++phase)
    emitPhase(phase);
  storeRowResults();
}

void tpc::emitGpuRows(GpuKernelEmitter &emitter, const KernelPlan &plan,
                      const RowGeometry &geometry, Value rows) {
  RowProgram(emitter, plan, geometry, rows).emit();
}
