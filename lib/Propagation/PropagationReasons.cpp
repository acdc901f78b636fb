//===- PropagationReasons.cpp ---------------------------------------------===//

#include "tpc/Propagation/PropagationReasons.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Dialect/SignatureAttributes.h"
#include "tpc/Propagation/ClaimTracer.h"
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

namespace {
/// What is told of one op or argument, for one mesh axis.
struct Record {
  SmallVector<Attribute> sentences;
  NamedAttrList rest;
};

class ReasonWriter {
public:
  ReasonWriter(func::FuncOp function, const PropagationGraph &graph,
               const LayoutPropagation &propagation)
      : function(function), graph(graph), tracer(graph, propagation),
        builder(function.getContext()) {}
  void add(const LayoutDecision &decision);
  void add(const LayoutConflict &conflict);
  void write();

private:
  using Records = std::map<std::string, Record>; ///< by axis
  void add(const LayoutDecision &decision, const AxisRef &axis, Records &records);
  DictionaryAttr getAttr(const Records &records);

  func::FuncOp function;
  const PropagationGraph &graph;
  ClaimTracer tracer;
  Builder builder;
  llvm::MapVector<Operation *, Records> ops;
  llvm::MapVector<unsigned, Records> arguments;
};
} // namespace

void ReasonWriter::add(const LayoutDecision &decision) {
  Value value = graph.values[decision.value].value;
  for (const AxisRef &axis : decision.axes)
    if (auto argument = dyn_cast_if_present<BlockArgument>(value))
      add(decision, axis, arguments[argument.getArgNumber()]);
    else if (value)
      add(decision, axis, ops[value.getDefiningOp()]);
}

void ReasonWriter::add(const LayoutDecision &decision, const AxisRef &axis, Records &records) {
  Record &record = records[graph.mesh.axes[axis.axis].name];
  std::string text = describe(graph, decision);
  const GraphOp &op = graph.ops[decision.op];
  bool first = record.rest.empty();
  if (first)
    record.rest.set("dim", builder.getI64IntegerAttr(decision.dim));
  bool isOwn = graph.values[decision.value].value.getDefiningOp() == op.op;
  if (isOwn && decision.source < op.numOperands) {
    if (first)
      record.rest.set("from", builder.getI64IntegerAttr(decision.source));
  } else {
    unsigned target = findTarget(op, decision.value);
    Location at = getAnnotationLoc(graph, tracer.trace(decision.op, target, 0, axis));
    if (isa<FileLineColRange>(at)) {
      text += ", asked for at " + getPlace(at);
      if (first)
        record.rest.set("at", at);
    }
  }
  record.sentences.push_back(builder.getStringAttr(text));
}

void ReasonWriter::add(const LayoutConflict &conflict) {
  Record &record = ops[graph.ops[conflict.op].op][graph.mesh.axes[conflict.claim.axis.axis].name];
  record.sentences.push_back(builder.getStringAttr(describe(graph, conflict)));
}

DictionaryAttr ReasonWriter::getAttr(const Records &records) {
  NamedAttrList axes;
  for (const auto &[axis, record] : records) {
    NamedAttrList entries = record.rest;
    entries.set("says", builder.getArrayAttr(record.sentences));
    axes.set(axis, entries.getDictionary(builder.getContext()));
  }
  return axes.getDictionary(builder.getContext());
}

void ReasonWriter::write() {
  for (auto &[op, records] : ops)
    op->setAttr(kWhy, getAttr(records));
  SignatureAttributes signature(function);
  for (auto &[argument, records] : arguments)
    signature.setArgument(argument, kWhy, getAttr(records));
  signature.write();
}

void tpc::attachReasons(func::FuncOp function, const PropagationGraph &graph,
                        const LayoutPropagation &propagation) {
  ReasonWriter writer(function, graph, propagation);
  for (const LayoutDecision &decision : propagation.getDecisions())
    writer.add(decision);
  for (const LayoutConflict &conflict : propagation.getConflicts())
    writer.add(conflict);
  writer.write();
}
