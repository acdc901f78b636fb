//===- PaddedSizes.cpp ----------------------------------------------------===//

#include "PaddedSizes.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

static bool isTensor(Value value) { return isa<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Union-find
//===----------------------------------------------------------------------===//

unsigned PaddedSizes::getNode(Value value, unsigned dim) {
  auto [entry, inserted] = numbers.try_emplace({value, dim}, nodes.size());
  if (inserted)
    nodes.push_back({static_cast<unsigned>(nodes.size()), value, dim, tpc::getShape(value)[dim]});
  return entry->second;
}

unsigned PaddedSizes::getRoot(unsigned node) const {
  while (nodes[node].parent != node)
    node = nodes[node].parent;
  return node;
}

/// The earlier node stays the root, so that a class is named after its first dimension.
void PaddedSizes::join(unsigned a, unsigned b) {
  a = getRoot(a), b = getRoot(b);
  if (a == b)
    return;
  if (b < a)
    std::swap(a, b);
  Node &root = nodes[a], &other = nodes[b];
  root.multiple = std::lcm(root.multiple, other.multiple);
  other.parent = a;
}

void PaddedSizes::joinValues(Value a, Value b) {
  if (a.getType() != b.getType() || !isTensor(a))
    return;
  for (unsigned dim = 0; dim < tpc::getShape(a).size(); ++dim)
    join(getNode(a, dim), getNode(b, dim));
}

//===----------------------------------------------------------------------===//
// Reading a function
//===----------------------------------------------------------------------===//

void PaddedSizes::addLayout(Value value, LayoutAttr attribute) {
  if (!isTensor(value) || !attribute)
    return;
  Layout layout = attribute.getLayout(context.mesh);
  for (unsigned dim = 0; dim < tpc::getShape(value).size(); ++dim) {
    Node &root = nodes[getRoot(getNode(value, dim))];
    root.multiple = std::lcm(root.multiple, getSize(layout.dims[dim]));
  }
}

void PaddedSizes::addSharedValue(StringRef name, Value value) {
  auto [entry, first] = shared.try_emplace(name, value);
  if (!first)
    joinValues(entry->second, value);
}

/// Dimensions that a rule maps to one factor are one class.
void PaddedSizes::addOp(Operation *op) {
  for (Value result : op->getResults())
    addLayout(result, getLayout(result));
  if (auto constrain = dyn_cast<ConstrainOp>(op))
    addLayout(constrain.getInput(), constrain.getLayout());
  if (auto reshard = dyn_cast<ReshardOp>(op))
    addLayout(reshard.getInput(), reshard.getLayout());
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface)
    return;
  ShardingRule rule = interface.getShardingRule();
  llvm::SmallVector<int> firsts(rule.factors.size(), -1);
  auto add = [&](Value value, const TensorMapping &mapping) {
    for (auto [dim, factors] : llvm::enumerate(mapping)) {
      if (factors.size() != 1 || rule.factors[factors.front()].exact)
        continue;
      unsigned node = getNode(value, dim);
      int &first = firsts[factors.front()];
      if (first < 0)
        first = static_cast<int>(node);
      else
        join(first, node);
    }
  };
  for (auto [operand, mapping] : llvm::zip_equal(op->getOperands(), rule.operands))
    add(operand, mapping);
  for (auto [result, mapping] : llvm::zip_equal(op->getResults(), rule.results))
    add(result, mapping);
  for (auto [number, factor] : llvm::enumerate(rule.factors))
    if (factor.paddedAs)
      join(firsts[number], firsts[*factor.paddedAs]);
}

void PaddedSizes::addReturned(func::FuncOp function, unsigned number, Value value) {
  addLayout(value, function.getResultAttrOfType<LayoutAttr>(number, TPCDialect::kLayout));
  if (auto alias = function.getResultAttrOfType<IntegerAttr>(number, TPCDialect::kAlias))
    joinValues(function.getArgument(alias.getInt()), value);
  if (auto param = function.getResultAttrOfType<ParamAttr>(number, TPCDialect::kParam))
    addSharedValue(("parameter " + param.getName()).str(), value);
  if (auto param = function.getResultAttrOfType<StringAttr>(number, TPCDialect::kGradient))
    addSharedValue(("parameter " + param.getValue()).str(), value);
}

void PaddedSizes::addFunction(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    addLayout(argument, getLayout(argument));
    if (auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam))
      addSharedValue(("parameter " + param.getName()).str(), argument);
    if (auto input = function.getArgAttrOfType<StringAttr>(number, TPCDialect::kInput))
      addSharedValue(("input " + input.getValue()).str(), argument);
  }
  Block &block = function.getBody().front();
  for (Operation &op : block.without_terminator())
    addOp(&op);
  for (auto [number, value] : llvm::enumerate(block.getTerminator()->getOperands()))
    addReturned(function, number, value);
}

PaddedSizes::PaddedSizes(ArrayRef<func::FuncOp> functions, const MeshContext &context)
    : context(context) {
  for (func::FuncOp function : functions)
    addFunction(function);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

int64_t PaddedSizes::get(Value value, unsigned dim) const {
  auto found = numbers.find({value, dim});
  if (found == numbers.end())
    return tpc::getShape(value)[dim];
  return static_cast<int64_t>(
      llvm::alignTo(nodes[found->second].size, nodes[getRoot(found->second)].multiple));
}

int64_t PaddedSizes::getLogical(Value value, unsigned dim) const {
  auto found = numbers.find({value, dim});
  return found == numbers.end() ? tpc::getShape(value)[dim] : nodes[found->second].size;
}

SmallVector<int64_t> PaddedSizes::getShape(Value value) const {
  SmallVector<int64_t> shape;
  for (unsigned dim = 0; dim < tpc::getShape(value).size(); ++dim)
    shape.push_back(get(value, dim));
  return shape;
}

SmallVector<unsigned> PaddedSizes::getPaddedDims(Value value) const {
  SmallVector<unsigned> dims;
  for (unsigned dim = 0; isTensor(value) && dim < tpc::getShape(value).size(); ++dim)
    if (get(value, dim) != getLogical(value, dim))
      dims.push_back(dim);
  return dims;
}

std::vector<PaddedSizes::Class> PaddedSizes::getPadded() const {
  std::vector<Class> classes;
  for (auto [number, node] : llvm::enumerate(nodes)) {
    int64_t padded = get(node.value, node.dim);
    if (node.parent == number && padded != node.size)
      classes.push_back({node.size, padded, node.value, node.dim});
  }
  return classes;
}

void PaddedSizes::setAlike(Value value, Value like) {
  for (unsigned dim = 0; dim < tpc::getShape(like).size(); ++dim)
    if (auto found = numbers.find({like, dim}); found != numbers.end()) {
      unsigned number = found->second;
      numbers[{value, dim}] = number;
    }
}

void PaddedSizes::setExact(Value value, ArrayRef<unsigned> dims) {
  for (unsigned dim : dims)
    numbers.erase({value, dim});
}
