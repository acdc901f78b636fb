//===- BuildReport.cpp - a report from a local program -------------------------===//

#include "TrafficKind.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Codegen/Schedule.h"
#include "tpc/Dialect/CollectiveTraffic.h"
#include "tpc/Dialect/ParameterShape.h"
#include "tpc/Dialect/Provenance.h"
#include <cmath>

using namespace mlir;
using namespace tpc;

StringRef tpc::stringify(ProgramPhase phase) {
  static constexpr StringLiteral names[] = {"forward", "backward", "update"};
  return names[static_cast<unsigned>(phase)];
}

int64_t tpc::getSum(const BytesByKind &bytes) {
  int64_t sum = 0;
  for (int64_t part : bytes)
    sum += part;
  return sum;
}

Totals Report::getTotals() const {
  Totals totals;
  for (const CollectiveReport &collective : collectives) {
    ++totals.collectives;
    totals.seconds += collective.seconds;
    for (auto [sum, bytes] : llvm::zip_equal(totals.bytes, collective.bytes))
      sum += bytes;
  }
  return totals;
}

int64_t Report::getParameterBytes() const {
  int64_t bytes = 0;
  for (const ParameterReport &parameter : parameters)
    bytes += parameter.bytes;
  return bytes;
}

//===-- collectives ------------------------------------------------------------===//

static std::vector<std::string> getAxisNames(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  std::vector<std::string> names;
  for (const AxisRef &axis : axes) {
    names.push_back(mesh.axes[axis.axis].name);
    if (!axis.isWhole(mesh))
      names.back() += ":(" + std::to_string(axis.pre) + ")" + std::to_string(axis.size);
  }
  return names;
}

static std::string getElementName(Operation *op) {
  std::string name;
  llvm::raw_string_ostream(name) << getElementTypeOrSelf(op->getOperand(0).getType());
  return name;
}

/// What each kind of operand makes of the bytes received; the rounding goes to the first.
static BytesByKind divideBytes(Operation *op, const CollectiveTraffic &traffic) {
  BytesByKind bytes{};
  int64_t rest = traffic.receivedBytes;
  for (OpOperand &operand : op->getOpOperands()) {
    double share = static_cast<double>(getBytes(operand.get().getType())) /
                   static_cast<double>(traffic.operandBytes);
    auto part = std::llround(share * static_cast<double>(traffic.receivedBytes));
    bytes[static_cast<unsigned>(getTrafficKind(op, operand.getOperandNumber()))] += part;
    rest -= part;
  }
  bytes[static_cast<unsigned>(getTrafficKind(op, 0))] += rest;
  return bytes;
}

static CollectiveReport describe(Operation *op, const CostModel &cost) {
  CollectiveTraffic traffic = *getTraffic(op);
  CollectiveReport report;
  report.op = op->getName().stripDialect().str();
  report.axes = getAxisNames(traffic.axes, cost.getMesh());
  report.dtype = getElementName(op);
  report.elements = traffic.elements;
  report.bytes = divideBytes(op, traffic);
  report.seconds = cost.getSeconds(traffic.kind, traffic.axes, traffic.operandBytes);
  report.module = getModuleName(op->getLoc());
  report.phase = getMarkedPhase(op);
  report.kind = kTrafficKinds[std::max_element(report.bytes.begin(), report.bytes.end()) -
                              report.bytes.begin()];
  report.why = getChain(op->getLoc());
  return report;
}

static void addCollectives(Report &report, FunctionOpInterface function, const CostModel &cost) {
  for (auto [number, op] : llvm::enumerate(getCollectives(function->getParentOfType<ModuleOp>()))) {
    if (op->getParentOp() != function)
      continue;
    CollectiveReport collective = describe(op, cost);
    collective.index = static_cast<int64_t>(report.collectives.size());
    collective.number = static_cast<int64_t>(number);
    report.collectives.push_back(std::move(collective));
  }
}

//===-- parameters -------------------------------------------------------------===//

/// The layout in Hugging Face's dimensions. Of several dimensions that are one there, a split of a
/// minor one leaves a rank as many boxes as the major ones have elements on it.
static std::string describeLayout(GlobalAttr global, ParamAttr param, const Mesh &mesh) {
  Layout layout = global.getLayout().getLayout(mesh);
  std::optional<SmallVector<int64_t>> local = getLocalShape(global.getShape(), layout);
  Layout outer;
  int64_t boxes = 1;
  for (ArrayRef<int64_t> group : getGroups(global.getShape(), param.getShape())) {
    AxisList axes;
    int64_t major = 1;
    for (int64_t dim : group) {
      llvm::append_range(axes, layout.dims[dim]);
      if (!layout.dims[dim].empty())
        boxes = std::max(boxes, major);
      major *= (*local)[dim];
    }
    outer.dims.push_back(getCanonical(axes, mesh));
  }
  std::string text = toDTensorString(outer, mesh);
  return boxes == 1 ? text : text + " in " + std::to_string(boxes) + " boxes";
}

static void addParameters(Report &report, FunctionOpInterface function, const Mesh &mesh) {
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto param = function.getArgAttrOfType<ParamAttr>(number, TPCDialect::kParam);
    auto global = function.getArgAttrOfType<GlobalAttr>(number, TPCDialect::kGlobal);
    if (!param || !global || function.getArgAttr(number, TPCDialect::kState))
      continue;
    report.parameters.push_back({param.getName().str(), param.getShape().vec(),
                                 describeLayout(global, param, mesh),
                                 getBytes(argument.getType())});
  }
}

//===-- the whole --------------------------------------------------------------===//

FunctionOpInterface tpc::findProgram(ModuleOp module) {
  for (StringRef name : {"step", "forward"})
    if (auto function = module.lookupSymbol<func::FuncOp>(name))
      return function;
  SmallVector<func::FuncOp> entries = getEntries(module);
  return entries.empty() ? func::FuncOp() : entries.front();
}

static std::string toString(const Mesh &mesh) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      mesh.axes, os, [&](const MeshAxis &axis) { os << axis.name << "=" << axis.size; }, ",");
  return text;
}

FailureOr<Report> tpc::buildReport(ModuleOp module, const MachineModel &machine) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("expects one tpc.mesh");
  FunctionOpInterface function = findProgram(module);
  if (!function)
    return module.emitError("expects a function to report on");
  CostModel cost(mesh.getMesh().getMesh(), machine);
  Report report;
  report.machine = machine.name;
  report.mesh = toString(cost.getMesh());
  report.program = SymbolTable::getSymbolName(function).str();
  addCollectives(report, function, cost);
  addParameters(report, function, cost.getMesh());
  return report;
}
