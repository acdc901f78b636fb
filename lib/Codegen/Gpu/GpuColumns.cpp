//===- GpuColumns.cpp - reductions down columns, in two stages -----------------===//

#include "../GridExpressions.h"
#include "GpuKernelEmitter.h"

using namespace mlir;
using namespace tpc;

namespace {

/// The program of a thread: it reduces every `rowThreads`th row of its chunk; then the threads of a
/// column reduce what they have.
class ColumnProgram {
public:
  ColumnProgram(GpuKernelEmitter &emitter, GridExpressions &expressions,
                const ColumnGeometry &geometry);

  /// A vector of what is reduced: at a row of [0, outer * length), from a column on.
  using Summand = llvm::function_ref<Value(Value row, Value column, Value mask)>;
  /// Reduces to `pointer`, where the result of outer slab 0 and chunk 0 starts at `offset`.
  void emit(ReductionKind kind, Type element, Summand summand, Value pointer, Value offset);

private:
  Value reduceChunk(ReductionKind kind, VectorType type, Summand summand);
  Value reduceThreads(ReductionKind kind, Value partial);

  GpuKernelEmitter &emitter;
  GridExpressions &expressions;
  const ColumnGeometry &geometry;
  Value columnThread, rowThread, outer, chunk, column;
  Value columnExists; ///< null: it does
};

} // namespace

ColumnProgram::ColumnProgram(GpuKernelEmitter &emitter, GridExpressions &expressions,
                             const ColumnGeometry &geometry)
    : emitter(emitter), expressions(expressions), geometry(geometry) {
  Value threads = emitter.integer(geometry.columnThreads);
  columnThread = emitter.rem(emitter.getThread(), threads);
  rowThread = emitter.div(emitter.getThread(), threads);
  Value perChunk = emitter.integer(geometry.getColumnBlocks());
  Value perSlab = emitter.integer(geometry.getColumnBlocks() / geometry.shape.outer);
  chunk = emitter.div(emitter.getBlock(), perChunk);
  Value block = emitter.rem(emitter.getBlock(), perChunk);
  outer = emitter.div(block, perSlab);
  Value vector = emitter.add(emitter.mul(emitter.rem(block, perSlab), threads), columnThread);
  if (geometry.getInnerVectors() % geometry.columnThreads) {
    auto clamped = emitter.clamp(vector, geometry.getInnerVectors());
    vector = clamped.index, columnExists = clamped.inside;
  }
  column = emitter.mul(vector, emitter.integer(geometry.lanes));
}

Value ColumnProgram::reduceChunk(ReductionKind kind, VectorType type, Summand summand) {
  bool mayBeOutside = geometry.chunks * geometry.chunkLength != geometry.shape.length;
  Value slab = emitter.mul(outer, emitter.integer(geometry.shape.length));
  Value first = emitter.add(emitter.mul(chunk, emitter.integer(geometry.chunkLength)), rowThread);
  int64_t step = geometry.rowThreads * ColumnGeometry::kRowsPerStep;
  auto body = [&](Value start, ValueRange total) -> KernelEmitter::Carried {
    SmallVector<Value> summands;
    for (int64_t copy = 0; copy < ColumnGeometry::kRowsPerStep; ++copy) {
      Value row =
          emitter.add(emitter.add(first, start), emitter.integer(copy * geometry.rowThreads));
      Value mask;
      if (mayBeOutside) {
        auto clamped = emitter.clamp(row, geometry.shape.length);
        row = clamped.index, mask = emitter.getMask(clamped.inside);
      }
      summands.push_back(summand(emitter.add(slab, row), column, mask));
    }
    for (size_t size = summands.size(); size > 1; size /= 2)
      for (size_t pair = 0; pair < size / 2; ++pair)
        summands[pair] = expressions.combine(kind, summands[pair], summands[pair + size / 2]);
    return {expressions.combine(kind, total.front(), summands.front())};
  };
  return emitter
      .forEach(emitter.integer(0), emitter.integer(geometry.chunkLength), step,
               {expressions.getIdentity(kind, type)}, body)
      .front();
}

/// The first thread of each column gets the sum of all, in the order of a tree.
Value ColumnProgram::reduceThreads(ReductionKind kind, Value partial) {
  if (geometry.rowThreads == 1)
    return partial;
  Value memory =
      emitter.allocateShared(partial.getType(), geometry.columnThreads * geometry.rowThreads);
  Value own = emitter.getThread();
  emitter.storeShared(partial, memory, own);
  for (int64_t distance = geometry.rowThreads / 2; distance; distance /= 2) {
    emitter.synchronize();
    Value active = emitter.compare(arith::CmpIPredicate::slt, rowThread, emitter.integer(distance));
    emitter.doIf(active, [&] {
      Value other = emitter.add(own, emitter.integer(distance * geometry.columnThreads));
      Value mine = emitter.loadShared(memory, partial.getType(), own);
      Value theirs = emitter.loadShared(memory, partial.getType(), other);
      emitter.storeShared(expressions.combine(kind, mine, theirs), memory, own);
    });
  }
  return emitter.loadShared(memory, partial.getType(), own);
}

void ColumnProgram::emit(ReductionKind kind, Type element, Summand summand, Value pointer,
                         Value offset) {
  auto type = VectorType::get({geometry.lanes}, element);
  Value total = reduceThreads(kind, reduceChunk(kind, type, summand));
  Value start = emitter.add(offset, emitter.mul(outer, emitter.integer(geometry.shape.inner)));
  if (geometry.chunks > 1)
    start = emitter.add(start, emitter.mul(chunk, emitter.integer(geometry.getResultElements())));
  Value first = emitter.compare(arith::CmpIPredicate::eq, rowThread, emitter.integer(0));
  emitter.doIf(columnExists ? emitter.both(first, columnExists) : first,
               [&] { emitter.storeVector(total, pointer, emitter.add(start, column), {}); });
}

//===-- both stages ------------------------------------------------------------===//

/// Where the partial results of one of the kernel's results start in the workspace.
static Value getPartialResults(GpuKernelEmitter &emitter, const ColumnGeometry &geometry,
                               size_t number) {
  return emitter.integer(number * geometry.chunks * geometry.getResultElements());
}

static auto getReductions(func::FuncOp kernel) {
  return llvm::map_to_vector(kernel.getBody().front().getTerminator()->getOperands(),
                             [](Value value) { return cast<OpResult>(value); });
}

void tpc::emitGpuColumns(GpuKernelEmitter &emitter, const KernelPlan &plan,
                         const ColumnGeometry &geometry) {
  GridExpressions expressions(emitter, plan);
  ColumnProgram program(emitter, expressions, geometry);
  for (auto [number, reduction] : llvm::enumerate(getReductions(emitter.getKernel()))) {
    OpResult value = reduction;
    auto summand = [&](Value index, Value column, Value mask) {
      GridRow row;
      row.number = index;
      GridPoint point{row, column, mask};
      return expressions.evaluateSummand(value, point);
    };
    bool direct = geometry.chunks == 1;
    program.emit(GridExpressions::getKind(value), getElementTypeOrSelf(value.getType()), summand,
                 direct ? emitter.getResultPointer(number) : emitter.getWorkspace(),
                 direct ? emitter.integer(0) : getPartialResults(emitter, geometry, number));
  }
}

void tpc::emitGpuColumnsFinish(GpuKernelEmitter &emitter, const KernelPlan &plan,
                               const ColumnGeometry &geometry) {
  GridExpressions expressions(emitter, plan);
  ColumnGeometry second = geometry.getSecondStage();
  ColumnProgram program(emitter, expressions, second);
  for (auto [number, reduction] : llvm::enumerate(getReductions(emitter.getKernel()))) {
    Type element = getElementTypeOrSelf(reduction.getType());
    ReductionKind kind = GridExpressions::getKind(reduction);
    Value base = getPartialResults(emitter, geometry, number);
    auto summand = [&](Value row, Value column, Value mask) -> Value {
      Value index = emitter.add(emitter.mul(row, emitter.integer(second.shape.inner)), column);
      Value partial =
          emitter.loadVector(emitter.getWorkspace(), element, emitter.add(base, index), {});
      return mask ? emitter.select(mask, partial, expressions.getIdentity(kind, partial.getType()))
                  : partial;
    };
    program.emit(kind, element, summand, emitter.getResultPointer(number), emitter.integer(0));
  }
}
