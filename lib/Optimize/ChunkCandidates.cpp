//===- ChunkCandidates.cpp -------------------------------------------------===//

#include "ChunkCandidates.h"
#include "Views.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Propagation/PropagationGraph.h"

using namespace mlir;
using namespace tpc;

static ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===-- which part of a product belongs to a part of a collective --------------===//

static StringRef getOwnDims(ContractOp op, unsigned operand) {
  return operand ? op.getRhsDims() : op.getLhsDims();
}

static std::optional<ChunkProduct> findProduct(ContractOp op, unsigned operand, char letter) {
  StringRef own = getOwnDims(op, operand), other = getOwnDims(op, 1 - operand);
  size_t result = op.getResultDims().find(letter);
  if (result == StringRef::npos || other.contains(letter))
    return std::nullopt;
  return ChunkProduct{op, operand, static_cast<int64_t>(own.find(letter)),
                      static_cast<int64_t>(result)};
}

std::optional<ChunkProduct> ChunkProduct::fromOperand(ContractOp op, unsigned operand,
                                                      int64_t operandDim) {
  return findProduct(op, operand, getOwnDims(op, operand)[operandDim]);
}

std::optional<ChunkProduct> ChunkProduct::fromResult(ContractOp op, int64_t resultDim) {
  char letter = op.getResultDims()[resultDim];
  return findProduct(op, op.getLhsDims().contains(letter) ? 0 : 1, letter);
}

int64_t ChunkProduct::getRows() {
  int64_t rows = 1;
  for (auto [letter, size] :
       llvm::zip_equal(getOwnDims(op, operand), getShape(op->getOperand(operand))))
    if (op.getResultDims().contains(letter))
      rows *= size;
  return rows;
}

int64_t ChunkProduct::getExtent() const { return getShape(op->getOperand(operand))[operandDim]; }

//===-- candidates -------------------------------------------------------------===//

bool ChunkCandidate::isGather() const { return isa<AllGatherOp>(collective); }

int64_t ChunkCandidate::getExtent() const {
  if (cutsColumns())
    return products.front().getExtent();
  return getShape(isGather() ? collective->getOperand(0) : collective->getResult(0))[dim];
}

bool ChunkCandidate::needsWhole() const {
  return static_cast<size_t>(std::distance(collective->user_begin(), collective->user_end())) >
         products.size();
}

/// A parameter, or one rank's part of it.
static bool isArgument(Value value) {
  value = getViewed(value);
  if (auto slice = value.getDefiningOp<ShardSliceOp>())
    value = getViewed(slice.getInput());
  return isa<BlockArgument>(value);
}

/// Does nothing but the update need `value`?
static bool isNeededLate(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    return isView(user) ? isNeededLate(user->getResult(0))
                        : getMarkedPhase(user) == ProgramPhase::Update;
  });
}

void ChunkCandidate::visitIndependentWork(llvm::function_ref<bool(const Work &)> visit) const {
  Block *block = collective->getBlock();
  Operation *ready = getViewed(collective->getOperand(0)).getDefiningOp();
  Operation *first = block->getTerminator();
  for (Operation *user : collective->getUsers())
    if (user->isBeforeInBlock(first))
      first = user;
  auto begin = ready ? std::next(ready->getIterator()) : block->begin();
  for (Operation &op : llvm::make_range(begin, first->getIterator()))
    if (std::optional<Work> work = getWork(&op);
        work && work->kind != WorkKind::Elementwise && !visit(*work))
      return;
}

/// The products that pass dimension `dim` of the gathered on, up to the first use of one's result.
static SmallVector<ChunkProduct> findProducts(AllGatherOp gather, int64_t dim) {
  SmallVector<Operation *> users(gather->getUsers());
  llvm::sort(users, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  SmallVector<ChunkProduct> products;
  Operation *limit = gather->getBlock()->getTerminator();
  for (Operation *user : users) {
    auto op = dyn_cast<ContractOp>(user);
    if (!op || op.getLhs() == op.getRhs() || !op->isBeforeInBlock(limit))
      continue;
    unsigned operand = op.getRhs() == gather->getResult(0);
    if (std::optional<ChunkProduct> product = ChunkProduct::fromOperand(op, operand, dim)) {
      products.push_back(*product);
      for (Operation *next : op->getUsers())
        if (next->isBeforeInBlock(limit))
          limit = next;
    }
  }
  return products;
}

static SmallVector<ChunkCandidate, 2> findGather(AllGatherOp gather) {
  Value shard = gather->getOperand(0), whole = gather->getResult(0);
  if (isArgument(shard))
    return {};
  auto dim = static_cast<int64_t>(gather.getDim());
  ChunkCandidate candidate{gather, dim, getShape(whole)[dim] / getShape(shard)[dim],
                           findProducts(gather, dim)};
  if (candidate.products.empty())
    return {};
  return {std::move(candidate)};
}

/// By rows and by the outermost columns: those of the operand that does not have the rows.
static SmallVector<ChunkCandidate, 2> findScatter(ReduceScatterOp scatter) {
  Value whole = scatter->getOperand(0), shard = scatter->getResult(0);
  auto product = whole.getDefiningOp<ContractOp>();
  if (!product || !product->hasOneUse() || isNeededLate(shard))
    return {};
  auto dim = static_cast<int64_t>(scatter.getDim());
  std::optional<ChunkProduct> rows = ChunkProduct::fromResult(product, dim);
  if (!rows)
    return {};
  int64_t ranks = getShape(whole)[dim] / getShape(shard)[dim];
  SmallVector<ChunkCandidate, 2> candidates{{scatter, dim, ranks, {*rows}}};
  for (int64_t other = 0, rank = getShape(whole).size(); other != rank; ++other)
    if (std::optional<ChunkProduct> columns = ChunkProduct::fromResult(product, other);
        columns && columns->operand != rows->operand) {
      candidates.push_back({scatter, dim, ranks, {*columns}});
      break;
    }
  return candidates;
}

SmallVector<ChunkCandidate, 2> tpc::findChunkCandidates(Operation *collective) {
  if (collective->getNumOperands() != 1)
    return {};
  if (auto gather = dyn_cast<AllGatherOp>(collective))
    return findGather(gather);
  auto scatter = dyn_cast<ReduceScatterOp>(collective);
  return scatter ? findScatter(scatter) : SmallVector<ChunkCandidate, 2>();
}
