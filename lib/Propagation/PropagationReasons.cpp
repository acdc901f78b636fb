//===- PropagationReasons.cpp ---------------------------------------------===//

#include "tpc/Propagation/PropagationReasons.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace tpc;
using llvm::raw_ostream;

void tpc::printTensor(raw_ostream &os, const GraphOp &op, unsigned tensor) {
  if (tensor < op.numOperands)
    os << "operand " << tensor;
  else
    os << "result " << tensor - op.numOperands;
}

void tpc::printFactor(raw_ostream &os, const ShardingRule &rule, unsigned factor) {
  if (rule.factors[factor].name.empty())
    os << "f" << factor;
  else
    os << rule.factors[factor].name;
}

/// The tensor of `op` that is the decision's value.
static unsigned findTarget(const GraphOp &op, unsigned value) {
  return llvm::find(op.tensors, static_cast<int>(value)) - op.tensors.begin();
}

std::string tpc::describe(const PropagationGraph &graph, const LayoutDecision &decision) {
  const GraphOp &op = graph.ops[decision.op];
  const GraphValue &value = graph.values[decision.value];
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto result = dyn_cast_if_present<OpResult>(value.value))
    os << "result " << result.getResultNumber() << ": ";
  os << "dim " << decision.dim << " on ";
  printAxes(os, decision.axes, graph.mesh);
  os << " from ";
  printTensor(os, op, decision.source);
  os << " of " << op.op->getName() << " (factor ";
  const auto &factors = op.getMapping(findTarget(op, decision.value))[decision.dim];
  llvm::interleave(factors, os, [&](unsigned factor) { printFactor(os, op.rule, factor); }, " ");
  os << (decision.direction == SweepDirection::Forward ? ", forward" : ", backward") << ", round "
     << decision.round << ")";
  if (isa<ConstrainOp>(op.op))
    os << " asked for at " << op.op->getLoc();
  return text;
}

std::string tpc::describe(const PropagationGraph &graph, const LayoutConflict &conflict) {
  const GraphOp &op = graph.ops[conflict.op];
  const FactorConflict &claim = conflict.claim;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "lost: ";
  printTensor(os, op, claim.source);
  os << " wants ";
  printFactor(os, op.rule, claim.factor);
  os << " on ";
  printAxes(os, claim.axis, graph.mesh);
  os << ", which ";
  printTensor(os, op, claim.target);
  if (claim.holder == claim.factor) {
    os << " splits another way";
  } else {
    os << " has for ";
    printFactor(os, op.rule, claim.holder);
  }
  return text;
}

void tpc::attachReasons(func::FuncOp function, const PropagationGraph &graph,
                        const LayoutPropagation &propagation) {
  Builder builder(function.getContext());
  llvm::MapVector<Operation *, SmallVector<Attribute>> ops;
  llvm::MapVector<unsigned, SmallVector<Attribute>> arguments;
  for (const LayoutDecision &decision : propagation.getDecisions()) {
    Attribute text = builder.getStringAttr(describe(graph, decision));
    Value value = graph.values[decision.value].value;
    if (auto argument = dyn_cast_if_present<BlockArgument>(value))
      arguments[argument.getArgNumber()].push_back(text);
    else if (value)
      ops[value.getDefiningOp()].push_back(text);
  }
  for (const LayoutConflict &conflict : propagation.getConflicts())
    ops[graph.ops[conflict.op].op].push_back(builder.getStringAttr(describe(graph, conflict)));
  for (auto &[op, texts] : ops)
    op->setAttr(kWhy, builder.getArrayAttr(texts));
  SignatureAttributes signature(function);
  for (auto &[argument, texts] : arguments)
    signature.setArgument(argument, kWhy, builder.getArrayAttr(texts));
  signature.write();
}
