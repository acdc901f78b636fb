//===- Costs.cpp - floating-point operations of each tpc op --------------------===//

#include "tpc/Dialect/TPCDialect.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace tpc;

int64_t tpc::getBytes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return 0;
  return tensor.getNumElements() *
         llvm::divideCeil(tensor.getElementType().getIntOrFloatBitWidth(), 8u);
}

int64_t tpc::getOperandAndResultBytes(Operation *op) {
  int64_t bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += getBytes(type);
  for (Type type : op->getResultTypes())
    bytes += getBytes(type);
  return bytes;
}

static int64_t getElements(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

/// Counts beyond 63 bits stay at the largest: a price that large decides what the true one would.
static int64_t multiply(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (int64_t factor : factors)
    if (llvm::MulOverflow(product, factor, product))
      return std::numeric_limits<int64_t>::max();
  return product;
}

/// Operations per element of the largest tensor, for ops whose work is small next to their traffic.
static int64_t perElement(Value value, int64_t operations) {
  return multiply({getElements(value), operations});
}

static int64_t getProductFlops(const Contraction &of) {
  int64_t flops = multiply({2, getElements(of.result)});
  for (auto [index, letter] : llvm::enumerate(of.lhsDims))
    if (!of.resultDims.contains(letter))
      flops = multiply({flops, cast<RankedTensorType>(of.lhs.getType()).getDimSize(index)});
  return flops;
}

int64_t ContractOp::getModelFlops(bool) { return getProductFlops(getContraction()); }

int64_t ContractPairOp::getFlops() { return multiply({2, getProductFlops(getContractions()[0])}); }

int64_t ContractOp::getFlops() {
  return getModelFlops(/*masked=*/false) + (getAccumulate() ? getElements(getResult()) : 0);
}

/// Two products of s x t x d per head; a causal mask halves them.
static int64_t getAttentionFlops(Value q, Value k, bool causal, int64_t products) {
  int64_t keys = cast<RankedTensorType>(k.getType()).getDimSize(1);
  return multiply({products * 2, getElements(q), keys}) / (causal ? 2 : 1);
}

int64_t AttentionOp::getFlops() { return getAttentionFlops(getQ(), getK(), getCausal(), 2); }
/// The scores again, then two products each for q k^T and for the probabilities times v.
int64_t AttentionGradOp::getFlops() { return getAttentionFlops(getQ(), getK(), getCausal(), 5); }

int64_t AttentionOp::getModelFlops(bool masked) {
  return getAttentionFlops(getQ(), getK(), getCausal() && !masked, 2);
}
int64_t AttentionGradOp::getModelFlops(bool masked) {
  return getAttentionFlops(getQ(), getK(), getCausal() && !masked, 4);
}

int64_t ReduceOp::getFlops() { return perElement(getInput(), 1); }
int64_t BroadcastOp::getFlops() { return 0; }
int64_t TransposeOp::getFlops() { return 0; }
int64_t EmbeddingOp::getFlops() { return 0; }
/// Of the table only the rows that are asked for.
int64_t EmbeddingOp::getBytes() {
  return tpc::getBytes(getIds().getType()) + 2 * tpc::getBytes(getResult().getType());
}
int64_t EmbeddingGradOp::getFlops() { return perElement(getDResult(), 1); }
/// Accumulating reads and writes the rows of the tokens only.
int64_t EmbeddingGradOp::getBytes() {
  int64_t rows = tpc::getBytes(getDResult().getType());
  int64_t table = tpc::getBytes(getDTable().getType());
  return tpc::getBytes(getIds().getType()) + rows + (getAccumulate() ? 2 * rows : table);
}
int64_t RmsNormOp::getFlops() { return perElement(getInput(), 4); }
int64_t RmsNormGradOp::getFlops() { return perElement(getInput(), 12); }
int64_t LayerNormOp::getFlops() { return perElement(getInput(), 7); }
int64_t LayerNormGradOp::getFlops() { return perElement(getInput(), 16); }
int64_t DropoutOp::getFlops() { return perElement(getInput(), 30); }
int64_t RopeTableOp::getFlops() { return perElement(getCos(), 2); }
int64_t RopeOp::getFlops() { return perElement(getInput(), 3); }
int64_t CrossEntropyOp::getFlops() { return perElement(getLogits(), 3); }
int64_t CrossEntropyGradOp::getFlops() { return perElement(getLogits(), 4); }
int64_t SumSquaresOp::getFlops() { return perElement(getInput(), 2); }
int64_t AdamWOp::getFlops() { return perElement(getParam(), 14); }
int64_t WithinOp::getFlops() { return perElement(getResult(), 2); }
int64_t InitOp::getFlops() { return perElement(getResult(), 30); }

int64_t CopyOp::getFlops() { return 0; }

/// What the kernel's ops come to.
int64_t LaunchOp::getFlops() {
  int64_t flops = 0;
  if (Operation *kernel = SymbolTable::lookupNearestSymbolFrom(*this, getKernelAttr()))
    kernel->walk([&](CostOpInterface op) { flops += op.getFlops(); });
  return flops;
}

std::optional<Work> tpc::getWork(Operation *op) {
  auto isTensor = llvm::IsaPred<RankedTensorType>;
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!cost || !llvm::any_of(op->getResultTypes(), isTensor))
    return std::nullopt;
  Work work{cost.getWorkKind(), static_cast<double>(cost.getFlops()),
            static_cast<double>(cost.getBytes()), ""};
  auto tensors = llvm::make_filter_range(op->getOperandTypes(), isTensor);
  if (!tensors.empty())
    llvm::raw_string_ostream(work.elementType) << getElementTypeOrSelf(*tensors.begin());
  return work;
}
