//===- SplitCollectives.cpp - the pass tpc-split-collectives ------------------===//

#include "ChunkCandidates.h"
#include "SynchronousForm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Optimize/ChunkMark.h"
#include "tpc/Optimize/Passes.h"

#define DEBUG_TYPE "tpc-split-collectives"

using namespace mlir;

namespace tpc {
#define GEN_PASS_DEF_SPLITCOLLECTIVES
#include "tpc/Optimize/Passes.h.inc"
} // namespace tpc

using namespace tpc;

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

static RankedTensorType getResized(RankedTensorType type, int64_t dim, int64_t size) {
  auto shape = llvm::to_vector(type.getShape());
  shape[dim] = size;
  return type.clone(shape);
}

//===----------------------------------------------------------------------===//
// What pieces cost
//===----------------------------------------------------------------------===//

namespace {
class ChunkPricer {
public:
  ChunkPricer(const MachineModel &machine, const CostModel &cost) : machine(machine), cost(cost) {}

  /// Seconds that `chunks` pieces save; they may be negative.
  double getGain(const ChunkCandidate &candidate, int64_t chunks) const;

private:
  double getCopySeconds(Value value) const;
  double getCutSeconds(Value value, int64_t dim) const;
  double getCopies(const ChunkCandidate &candidate) const;
  double getProductSeconds(const ChunkCandidate &candidate, int64_t chunks) const;
  double getExposed(const ChunkCandidate &candidate, double seconds) const;

  const MachineModel &machine;
  const CostModel &cost;
};
} // namespace

double ChunkPricer::getCopySeconds(Value value) const {
  return machine.getSeconds(
      {WorkKind::Elementwise, 0, 2.0 * static_cast<double>(getBytes(value.getType())), ""});
}

/// Parts of the outermost dimension lie in one piece each, and are not copied (getAliasedOperand).
double ChunkPricer::getCutSeconds(Value value, int64_t dim) const {
  bool outermost = llvm::all_of(getTensor(value).getShape().take_front(dim),
                                [](int64_t size) { return size == 1; });
  return outermost ? 0 : getCopySeconds(value);
}

/// Pieces are cut out, and put together again.
double ChunkPricer::getCopies(const ChunkCandidate &candidate) const {
  Operation *collective = candidate.collective;
  if (!candidate.isGather()) {
    const ChunkProduct &product = candidate.products.front();
    Value operand = product.op->getOperand(product.operand);
    return getCopySeconds(collective->getResult(0)) +
           (candidate.cutsColumns() ? getCutSeconds(operand, product.operandDim)
                                    : getCopySeconds(operand));
  }
  double seconds = getCutSeconds(collective->getOperand(0), candidate.dim);
  for (const ChunkProduct &product : candidate.products)
    seconds += getCopySeconds(product.op->getResult(0));
  return candidate.needsWhole() ? seconds + getCopySeconds(collective->getResult(0)) : seconds;
}

double ChunkPricer::getProductSeconds(const ChunkCandidate &candidate, int64_t chunks) const {
  double seconds = 0;
  for (const ChunkProduct &product : candidate.products) {
    Work work = *getWork(product.op);
    work.flops /= static_cast<double>(chunks), work.bytes /= static_cast<double>(chunks);
    seconds += machine.getSeconds(work);
  }
  return seconds;
}

/// What is left of the collective's `seconds` beside what overlaps with it as it is.
double ChunkPricer::getExposed(const ChunkCandidate &candidate, double seconds) const {
  candidate.visitIndependentWork([&](const Work &work) {
    seconds -= machine.getSeconds(work);
    return seconds > 0;
  });
  return std::max(seconds, 0.0);
}

/// Pieces of the transfer and of the products follow each other on two queues: one of each is
/// exposed, and between them the slower queue works without a pause.
double ChunkPricer::getGain(const ChunkCandidate &candidate, int64_t chunks) const {
  CollectiveTraffic traffic = *getTraffic(candidate.collective);
  if (!cost.isAsynchronous(traffic.axes))
    return 0;
  auto bytes = static_cast<double>(traffic.operandBytes);
  auto parts = static_cast<double>(chunks);
  double whole = cost.getSeconds(traffic.kind, traffic.axes, bytes),
         piece = cost.getSeconds(traffic.kind, traffic.axes, bytes / parts);
  double product = getProductSeconds(candidate, chunks);
  double pipelined = piece + product + (parts - 1) * std::max(piece, product);
  return getExposed(candidate, whole) + getProductSeconds(candidate, 1) - pipelined -
         getCopies(candidate);
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

namespace {
class Splitter {
public:
  Splitter(const ChunkCandidate &candidate, int64_t chunks)
      : candidate(candidate), chunks(chunks), piece(candidate.getExtent() / chunks),
        builder(candidate.collective), loc(candidate.collective->getLoc()) {}

  void splitGather();
  void splitScatter();

private:
  Value cutProduct(int64_t chunk);
  Value cut(Value value, int64_t dim, int64_t chunk);
  Value cutOfEachRank(Value value, int64_t dim, int64_t chunk);
  Value joinOfEachRank(ArrayRef<Value> pieces, int64_t dim, RankedTensorType type);
  Value splitRanks(Value value, int64_t dim);
  Value mergeRanks(Value value, int64_t dim);
  Value resize(Operation *op, Value from, Value to, int64_t dim, int64_t size);

  const ChunkCandidate &candidate;
  const int64_t chunks, piece; ///< number, and size along the dimension that is cut
  OpBuilder builder;
  Location loc;
};
} // namespace

static SmallVector<ReassociationIndices> groupPair(int64_t rank, int64_t dim) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t outer = 0, inner = 0; outer < rank; ++outer) {
    groups.push_back({inner++});
    if (outer == dim)
      groups.back().push_back(inner++);
  }
  return groups;
}

/// [.., ranks * n, ..] -> [.., ranks, n, ..]
Value Splitter::splitRanks(Value value, int64_t dim) {
  RankedTensorType type = getTensor(value);
  auto shape = llvm::to_vector(type.getShape());
  shape[dim] /= candidate.ranks;
  shape.insert(shape.begin() + dim, candidate.ranks);
  return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), value,
                                       groupPair(type.getRank(), dim));
}

/// [.., ranks, n, ..] -> [.., ranks * n, ..]
Value Splitter::mergeRanks(Value value, int64_t dim) {
  RankedTensorType type = getTensor(value);
  auto shape = llvm::to_vector(type.getShape());
  shape[dim] *= shape[dim + 1];
  shape.erase(shape.begin() + dim + 1);
  return tensor::CollapseShapeOp::create(builder, loc, type.clone(shape), value,
                                         groupPair(type.getRank() - 1, dim));
}

Value Splitter::cut(Value value, int64_t dim, int64_t chunk) {
  RankedTensorType type = getResized(getTensor(value), dim, piece);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)),
      strides(type.getRank(), builder.getIndexAttr(1)),
      sizes = getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  offsets[dim] = builder.getIndexAttr(chunk * piece);
  return tensor::ExtractSliceOp::create(builder, loc, type, value, offsets, sizes, strides);
}

/// The same piece of the shard of every rank.
Value Splitter::cutOfEachRank(Value value, int64_t dim, int64_t chunk) {
  return mergeRanks(cut(splitRanks(value, dim), dim + 1, chunk), dim);
}

Value Splitter::joinOfEachRank(ArrayRef<Value> pieces, int64_t dim, RankedTensorType type) {
  auto ranks = llvm::map_to_vector(pieces, [&](Value value) { return splitRanks(value, dim); });
  return mergeRanks(tensor::ConcatOp::create(builder, loc, dim + 1, ranks), dim);
}

/// `op` on the operand `to` instead of `from`; its result has `size` elements along `dim`.
Value Splitter::resize(Operation *op, Value from, Value to, int64_t dim, int64_t size) {
  IRMapping mapping;
  mapping.map(from, to);
  Operation *copy = builder.clone(*op, mapping);
  copy->getResult(0).setType(getResized(getTensor(op->getResult(0)), dim, size));
  if (op == candidate.collective)
    copy->setAttr(kChunkMark, builder.getUnitAttr());
  return copy->getResult(0);
}

void Splitter::splitGather() {
  Operation *gather = candidate.collective;
  SmallVector<Value> gathered;
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    gathered.push_back(resize(gather, gather->getOperand(0),
                              cut(gather->getOperand(0), candidate.dim, chunk), candidate.dim,
                              piece * candidate.ranks));
  bool needsWhole = candidate.needsWhole();
  SmallVector<SmallVector<Value>> results(candidate.products.size());
  // All products of a piece before those of the next, at the place of the last: by then every other
  // operand exists.
  builder.setInsertionPoint(candidate.products.back().op);
  for (Value part : gathered)
    for (auto [product, parts] : llvm::zip_equal(candidate.products, results))
      parts.push_back(resize(product.op, gather->getResult(0), part, product.resultDim,
                             piece * candidate.ranks));
  for (auto [product, parts] : llvm::zip_equal(candidate.products, results)) {
    product.op->getResult(0).replaceAllUsesWith(
        joinOfEachRank(parts, product.resultDim, getTensor(product.op->getResult(0))));
    product.op->erase();
  }
  if (needsWhole) { // where it is needed, so that no piece waits for the others before
    builder.setInsertionPoint(*llvm::min_element(
        gather->getUsers(), [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); }));
    gather->getResult(0).replaceAllUsesWith(
        joinOfEachRank(gathered, candidate.dim, getTensor(gather->getResult(0))));
  }
  gather->erase();
}

/// The part of the product that piece `chunk` of the scatter takes.
Value Splitter::cutProduct(int64_t chunk) {
  const ChunkProduct &product = candidate.products.front();
  Value operand = product.op->getOperand(product.operand);
  if (candidate.cutsColumns())
    return resize(product.op, operand, cut(operand, product.operandDim, chunk), product.resultDim,
                  piece);
  return resize(product.op, operand, cutOfEachRank(operand, product.operandDim, chunk),
                product.resultDim, piece * candidate.ranks);
}

void Splitter::splitScatter() {
  Operation *scatter = candidate.collective;
  const ChunkProduct &product = candidate.products.front();
  SmallVector<Value> scattered;
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    scattered.push_back(
        resize(scatter, scatter->getOperand(0), cutProduct(chunk), product.resultDim, piece));
  scatter->getResult(0).replaceAllUsesWith(
      tensor::ConcatOp::create(builder, loc, product.resultDim, scattered));
  scatter->erase();
  product.op->erase();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct SplitCollectives : tpc::impl::SplitCollectivesBase<SplitCollectives> {
  using SplitCollectivesBase::SplitCollectivesBase;

  void runOnOperation() override;
  bool allows(const ChunkCandidate &candidate, int64_t number) const;
  void split(Operation *collective, const ChunkPricer &pricer);
};
} // namespace

/// Are `number` pieces worth a start each?
bool SplitCollectives::allows(const ChunkCandidate &candidate, int64_t number) const {
  int64_t least = candidate.cutsColumns() ? minColumns : minRows;
  bool large = llvm::all_of(candidate.products, [&](ChunkProduct product) {
    return product.getRows() / number >= least;
  });
  int64_t bytes = getOperandAndResultBytes(candidate.collective) / number;
  return large && candidate.getExtent() % number == 0 && !(memoryCap && bytes > memoryCap);
}

void SplitCollectives::split(Operation *collective, const ChunkPricer &pricer) {
  SmallVector<ChunkCandidate, 2> candidates = findChunkCandidates(collective);
  const ChunkCandidate *best = nullptr;
  int64_t bestNumber = 1;
  double bestGain = 0;
  for (const ChunkCandidate &candidate : candidates)
    for (int64_t number : {2, 4}) {
      if ((chunks && number != chunks) || !allows(candidate, number))
        continue;
      double gain = pricer.getGain(candidate, number);
      if (gain > bestGain || (chunks && (!best || gain > bestGain)))
        best = &candidate, bestNumber = number, bestGain = gain;
    }
  if (!best)
    return;
  Splitter splitter(*best, bestNumber);
  best->isGather() ? splitter.splitGather() : splitter.splitScatter();
  numSplit += 1;
}

void SplitCollectives::runOnOperation() {
  ModuleOp module = getOperation();
  if (chunks != 0 && chunks != 2 && chunks != 4) {
    module.emitError("chunks is 0 (by cost), 2 or 4, got ") << chunks.getValue();
    return signalPassFailure();
  }
  llvm::Expected<MachineModel> model = MachineModel::load(machine);
  if (!model) {
    module.emitError(llvm::toString(model.takeError()));
    return signalPassFailure();
  }
  MeshOp mesh = getMesh(module);
  CostModel cost(mesh ? mesh.getMesh().getMesh() : Mesh(), *model);
  ChunkPricer pricer(*model, cost);
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || function->hasAttr(TPCDialect::kKernel))
      continue;
    if (failed(verifySynchronousBlock(function)))
      return signalPassFailure();
    SmallVector<Operation *> collectives;
    for (Operation &op : function.getBody().front())
      if (getTraffic(&op))
        collectives.push_back(&op);
    for (Operation *op : collectives)
      split(op, pricer);
  }
}
