//===- AdditionChain.cpp --------------------------------------------------===//

#include "AdditionChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tpc;

static bool isAddition(Operation *op) { return isa_and_nonnull<arith::AddFOp, arith::AddIOp>(op); }

bool tpc::isInnerAddition(Operation *op) {
  if (!isAddition(op) || !op->getResult(0).hasOneUse())
    return false;
  Operation *user = *op->getResult(0).user_begin();
  return user->getName() == op->getName() && user->getBlock() == op->getBlock();
}

bool tpc::isOuterAddition(Operation *op) {
  if (!isAddition(op) || isInnerAddition(op))
    return false;
  return llvm::any_of(op->getOperands(), [](Value operand) {
    return operand.getDefiningOp() && isInnerAddition(operand.getDefiningOp());
  });
}

namespace {
/// The terms of a chain, left to right, and its additions, users before operands.
struct Chain {
  SmallVector<Value> terms;
  SmallVector<Operation *> additions;

  void collect(Operation *addition) {
    additions.push_back(addition);
    for (Value operand : addition->getOperands()) {
      Operation *inner = operand.getDefiningOp();
      if (inner && isInnerAddition(inner))
        collect(inner);
      else
        terms.push_back(operand);
    }
  }
};

/// Adds values with copies of one addition.
class Adder {
public:
  explicit Adder(Operation *model) : builder(model), model(model) {}

  Value add(Value lhs, Value rhs) {
    if (!lhs)
      return rhs;
    Operation *op = builder.clone(*model);
    op->setOperands({lhs, rhs});
    made.push_back(op);
    return op->getResult(0);
  }
  Value add(ArrayRef<Value> values) {
    Value sum;
    for (Value value : values)
      sum = add(sum, value);
    return sum;
  }

  OpBuilder builder;
  Operation *model;
  SmallVector<Operation *> made;
};
} // namespace

SmallVector<Operation *> tpc::regroupAdditions(Operation *outer, const ValueVersions &versions) {
  Chain chain;
  chain.collect(outer);
  SmallVector<std::pair<AxisList, SmallVector<Value>>> groups = {{{}, {}}}; // whole terms first
  for (Value term : chain.terms) {
    AxisList axes = versions.getPassingAxes(term);
    auto group = llvm::find_if(groups, [&](auto &known) { return known.first == axes; });
    if (group == groups.end())
      groups.push_back({axes, {term}});
    else
      group->second.push_back(term);
  }
  Adder adder(outer);
  Value total;
  for (auto &[axes, terms] : groups)
    if (!terms.empty())
      total = adder.add(total, adder.add(terms));
  outer->getResult(0).replaceAllUsesWith(total);
  for (Operation *addition : chain.additions)
    addition->erase();
  return adder.made;
}
