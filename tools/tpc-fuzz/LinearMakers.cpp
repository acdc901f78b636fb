//===- LinearMakers.cpp - contractions, reductions, changes of shape, embeddings -----===//

#include "OpMakers.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tpc;
using namespace tpc::fuzz;

/// Steps of the innermost loop of one op.
static constexpr int64_t kMaxWork = 1 << 14;

//===-- contract -----------------------------------------------------------------===//

namespace {
/// An einsum being drawn. Letters of lhs are 'a', 'b', ...
struct Einsum {
  std::string lhs, rhs, result;
  llvm::StringMap<int64_t> sizes;
  std::string shared; ///< letters of both operands

  int64_t getSize(char letter) const { return sizes.lookup(StringRef(&letter, 1)); }
  void setSize(char letter, int64_t size) { sizes[StringRef(&letter, 1)] = size; }
  SmallVector<int64_t> getShape(StringRef letters) const {
    return llvm::map_to_vector(letters, [&](char letter) { return getSize(letter); });
  }
};
} // namespace

static char addLetter(Einsum &einsum, int64_t size) {
  char letter = static_cast<char>('a' + einsum.sizes.size());
  einsum.setSize(letter, size);
  return letter;
}

/// Dimensions of `rhs` that a dimension of lhs equals in size may be the same letter.
static void matchExisting(Einsum &einsum, const Term &rhs, Random &random) {
  for (int64_t size : rhs.getShape()) {
    std::string candidates;
    for (char letter : einsum.lhs)
      if (einsum.getSize(letter) == size && !StringRef(einsum.shared).contains(letter))
        candidates += letter;
    bool matches = !candidates.empty() && random.chance(0.75);
    char letter = matches ? random.pick(candidates) : addLetter(einsum, size);
    if (matches)
      einsum.shared += letter;
    einsum.rhs += letter;
  }
}

/// A weight: some letters of lhs and some new ones.
static void drawWeight(Einsum &einsum, Graph &graph) {
  for (char letter : einsum.lhs)
    if (graph.random.chance(0.55))
      einsum.shared += letter;
  einsum.rhs = einsum.shared;
  for (int64_t i = graph.random.below(3); i > 0; --i)
    einsum.rhs += addLetter(einsum, graph.drawSize());
  graph.random.shuffle(einsum.rhs);
}

static void drawResult(Einsum &einsum, Random &random) {
  std::string summed;
  for (char letter : einsum.shared)
    if (random.chance(0.65))
      summed += letter;
  for (char letter : einsum.lhs + einsum.rhs)
    if (!StringRef(summed).contains(letter) && !StringRef(einsum.result).contains(letter))
      einsum.result += letter;
  if (random.chance(0.3))
    random.shuffle(einsum.result);
}

static void makeContract(Graph &graph) {
  Einsum einsum;
  Term lhs = graph.pickFloat(0, 4), rhs;
  for (int64_t size : lhs.getShape())
    einsum.lhs += addLetter(einsum, size);
  if (graph.random.chance(0.5)) {
    rhs = graph.pickFloat(0, 4);
    matchExisting(einsum, rhs, graph.random);
  } else {
    drawWeight(einsum, graph);
  }
  drawResult(einsum, graph.random);
  int64_t work = 1;
  for (const auto &letter : einsum.sizes)
    work *= letter.second;
  SmallVector<int64_t> shape = einsum.getShape(einsum.result),
                       rhsShape = einsum.getShape(einsum.rhs);
  if (work > kMaxWork || !Graph::isSmall(shape) || !Graph::isSmall(rhsShape))
    return;
  if (!rhs.value)
    rhs = graph.random.chance(0.6) ? graph.addParameter(rhsShape) : graph.addArgument(rhsShape);
  double terms = static_cast<double>(work) / static_cast<double>(ShapedType::getNumElements(shape));
  double bound = lhs.bound * rhs.bound * terms, grain = lhs.grain * rhs.grain;
  if (!graph.fits(bound, grain))
    return;
  if (graph.random.chance(0.3)) {
    std::swap(lhs, rhs);
    std::swap(einsum.lhs, einsum.rhs);
  }
  std::string equation = einsum.lhs + "," + einsum.rhs + "->" + einsum.result;
  graph.define(ContractOp::create(graph.builder, graph.loc, lhs.value, rhs.value, equation), bound,
               grain);
}

//===-- reductions and repetitions -------------------------------------------------===//

static void makeReduce(Graph &graph) {
  Term input = graph.pickFloat(1, 5);
  SmallVector<int64_t> dims, shape;
  for (auto [dim, size] : llvm::enumerate(input.getShape()))
    if (graph.random.chance(0.5))
      dims.push_back(dim);
    else
      shape.push_back(size);
  ReductionKind kind = graph.random.chance(0.7)   ? ReductionKind::Sum
                       : graph.random.chance(0.5) ? ReductionKind::Max
                                                  : ReductionKind::Min;
  double terms =
      static_cast<double>(input.getType().getNumElements() / ShapedType::getNumElements(shape));
  double bound = kind == ReductionKind::Sum ? input.bound * terms : input.bound;
  if (dims.empty() || !graph.fits(bound, input.grain))
    return;
  auto attr = ReductionKindAttr::get(graph.builder.getContext(), kind);
  graph.define(
      ReduceOp::create(graph.builder, graph.loc, graph.getType(shape), attr, input.value, dims),
      bound, input.grain);
}

static void makeBroadcast(Graph &graph) {
  Term input = graph.pickFloat(0, 3);
  SmallVector<int64_t> dims, shape;
  for (int64_t size : input.getShape()) {
    if (graph.random.chance(0.4))
      shape.push_back(graph.drawSize());
    dims.push_back(shape.size());
    shape.push_back(size);
  }
  if (shape.size() == dims.size() || graph.random.chance(0.3))
    shape.push_back(graph.drawSize());
  if (Graph::isSmall(shape))
    graph.define(
        BroadcastOp::create(graph.builder, graph.loc, graph.getType(shape), input.value, dims),
        input.bound, input.grain);
}

//===-- changes of shape -----------------------------------------------------------===//

static void makeTranspose(Graph &graph) {
  Term input = graph.pickFloat(2, 5);
  auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, input.getRank()));
  graph.random.shuffle(permutation);
  auto shape = llvm::map_to_vector(permutation, [&](int64_t dim) { return input.getShape()[dim]; });
  graph.define(
      TransposeOp::create(graph.builder, graph.loc, graph.getType(shape), input.value, permutation),
      input.bound, input.grain);
}

static void makeCollapse(Graph &graph) {
  Term input = graph.pickFloat(2, 5);
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(input.getShape())) {
    if (groups.empty() || graph.random.chance(0.4)) {
      groups.emplace_back();
      shape.push_back(1);
    }
    groups.back().push_back(dim);
    shape.back() *= size;
  }
  if (groups.size() == static_cast<size_t>(input.getRank()))
    return;
  graph.define(tensor::CollapseShapeOp::create(graph.builder, graph.loc, graph.getType(shape),
                                               input.value, groups),
               input.bound, input.grain);
}

/// A factor of `size`, one included.
static int64_t drawDivisor(int64_t size, Random &random) {
  SmallVector<int64_t> divisors;
  for (int64_t divisor = 1; divisor <= size; ++divisor)
    if (size % divisor == 0)
      divisors.push_back(divisor);
  return random.pick(divisors);
}

static void makeExpand(Graph &graph) {
  Term input = graph.pickFloat(1, 4);
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  for (int64_t size : input.getShape()) {
    groups.emplace_back();
    for (int64_t parts = graph.random.below(3); parts > 0; --parts) {
      int64_t major = drawDivisor(size, graph.random);
      groups.back().push_back(shape.size());
      shape.push_back(major);
      size /= major;
    }
    groups.back().push_back(shape.size());
    shape.push_back(size);
  }
  if (shape.size() > 5 || shape.size() == groups.size())
    return;
  graph.define(tensor::ExpandShapeOp::create(graph.builder, graph.loc, graph.getType(shape),
                                             input.value, groups),
               input.bound, input.grain);
}

//===-- cutting and joining --------------------------------------------------------===//

namespace {
/// A box in a tensor; most dimensions are taken whole.
struct Box {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  SmallVector<int64_t> shape;

  Box(ArrayRef<int64_t> outer, Graph &graph) {
    for (int64_t size : outer) {
      int64_t taken = graph.random.chance(0.6) ? size : graph.random.between(1, size);
      offsets.push_back(graph.builder.getIndexAttr(graph.random.between(0, size - taken)));
      sizes.push_back(graph.builder.getIndexAttr(taken));
      strides.push_back(graph.builder.getIndexAttr(1));
      shape.push_back(taken);
    }
  }
  /// The shape without some of its dimensions of size 1.
  SmallVector<int64_t> dropOnes(Random &random) const {
    SmallVector<int64_t> kept;
    for (int64_t size : shape)
      if (size != 1 || random.chance(0.5))
        kept.push_back(size);
    return kept;
  }
};
} // namespace

static void makeExtractSlice(Graph &graph) {
  Term input = graph.pickFloat(1, 5);
  Box box(input.getShape(), graph);
  graph.define(tensor::ExtractSliceOp::create(graph.builder, graph.loc,
                                              graph.getType(box.dropOnes(graph.random)),
                                              input.value, box.offsets, box.sizes, box.strides),
               input.bound, input.grain);
}

static void makeInsertSlice(Graph &graph) {
  Term outer = graph.pickFloat(1, 5);
  Box box(outer.getShape(), graph);
  Term input = graph.pickLike(box.dropOnes(graph.random));
  graph.define(tensor::InsertSliceOp::create(graph.builder, graph.loc, input.value, outer.value,
                                             box.offsets, box.sizes, box.strides),
               std::max(input.bound, outer.bound), std::min(input.grain, outer.grain));
}

static void makeConcat(Graph &graph) {
  Term first = graph.pickFloat(1, 5);
  int64_t dim = graph.random.below(first.getRank());
  SmallVector<int64_t> shape(first.getShape());
  shape[dim] = graph.drawSize();
  Term second = graph.pickLike(shape);
  shape[dim] += first.getShape()[dim];
  if (Graph::isSmall(shape))
    graph.define(tensor::ConcatOp::create(graph.builder, graph.loc, graph.getType(shape), dim,
                                          ValueRange{first.value, second.value}),
                 std::max(first.bound, second.bound), std::min(first.grain, second.grain));
}

static void makeBarrier(Graph &graph) {
  Term input = graph.pickFloat();
  graph.define(BarrierOp::create(graph.builder, graph.loc, input.value), input.bound, input.grain);
}

//===-- embeddings -----------------------------------------------------------------===//

static void makeEmbedding(Graph &graph) {
  Term table =
      graph.random.chance(0.5) ? graph.pickFloat(2, 2) : graph.addParameter(graph.drawShape(2, 2));
  SmallVector<int64_t> shape = graph.drawShape(1, 2);
  Value ids = graph.pickIds(shape);
  shape.push_back(table.getShape()[1]);
  if (Graph::isSmall(shape))
    graph.define(EmbeddingOp::create(graph.builder, graph.loc, graph.getType(shape), ids,
                                     table.value, Value()),
                 table.bound, table.grain);
}

static void makeEmbeddingGrad(Graph &graph) {
  Term cotangent = graph.pickFloat(2, 4);
  Value ids = graph.pickIds(cotangent.getShape().drop_back());
  int64_t width = cotangent.getShape().back();
  double bound =
      cotangent.bound * static_cast<double>(cotangent.getType().getNumElements() / width);
  SmallVector<int64_t> shape = {graph.drawSize(), width};
  if (Graph::isSmall(shape) && graph.fits(bound, cotangent.grain))
    graph.define(EmbeddingGradOp::create(graph.builder, graph.loc, graph.getType(shape), ids,
                                         cotangent.value, Value(), Value()),
                 bound, cotangent.grain);
}

ArrayRef<OpMaker> tpc::fuzz::getLinearMakers() {
  static const OpMaker makers[] = {
      {"tpc.contract", true, 8, makeContract},
      {"tpc.reduce", true, 3, makeReduce},
      {"tpc.broadcast", true, 2, makeBroadcast},
      {"tpc.transpose", true, 2, makeTranspose},
      {"tensor.collapse_shape", true, 2, makeCollapse},
      {"tensor.expand_shape", true, 2, makeExpand},
      {"tensor.concat", true, 2, makeConcat},
      {"tensor.extract_slice", true, 2, makeExtractSlice},
      {"tensor.insert_slice", true, 2, makeInsertSlice},
      {"tpc.barrier", true, 1, makeBarrier},
      {"tpc.embedding", true, 2, makeEmbedding},
      {"tpc.embedding_grad", true, 1, makeEmbeddingGrad},
  };
  return makers;
}
