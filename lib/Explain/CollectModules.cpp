//===- CollectModules.cpp - layouts at the borders of modules ------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/Provenance.h"
#include "tpc/Explain/Report.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace tpc;

namespace {
using Values = llvm::SetVector<Value>;

/// Is `op` the use of a parameter, or the cast in front of it?
bool readsParameter(Operation *op) {
  return isa<UseOp>(op) || (op->getNumResults() == 1 && getStoredParameter(op->getResult(0)));
}

/// Values that enter and leave each module.
class BorderFinder {
public:
  explicit BorderFinder(FunctionOpInterface function) {
    for (Operation &op : function.getFunctionBody().front())
      if (getMarkedPhase(&op) == ProgramPhase::Forward && !readsParameter(&op) &&
          op.getNumOperands())
        places[&op] = getModuleName(op.getLoc());
  }

  struct Borders {
    Values inputs, outputs;
  };
  llvm::MapVector<StringRef, Borders> run() {
    for (auto &[op, place] : places)
      visit(op, place);
    return std::move(borders);
  }

private:
  void visit(Operation *op, StringRef place);
  /// The innermost modules of `place` that `other` is not in, outwards.
  template <typename Function>
  static void forEachModuleWithout(StringRef place, StringRef other, Function visit);
  static bool isInside(StringRef place, StringRef module) {
    return place == module || (place.starts_with(module) && place[module.size()] == '.');
  }

  llvm::MapVector<Operation *, std::string> places;
  llvm::MapVector<StringRef, Borders> borders;
};
} // namespace

template <typename Function>
void BorderFinder::forEachModuleWithout(StringRef place, StringRef other, Function visit) {
  for (StringRef module = place; !module.empty() && !isInside(other, module);
       module = module.contains('.') ? module.rsplit('.').first : StringRef())
    visit(module);
}

static bool isParameter(Value value) { return isa_and_present<UseOp>(value.getDefiningOp()); }

void BorderFinder::visit(Operation *op, StringRef place) {
  for (Value operand : op->getOperands()) {
    auto producer = places.find(operand.getDefiningOp());
    if (isParameter(operand) || (operand.getDefiningOp() && producer == places.end()))
      continue;
    StringRef from = producer == places.end() ? StringRef() : StringRef(producer->second);
    forEachModuleWithout(place, from,
                         [&](StringRef module) { borders[module].inputs.insert(operand); });
    forEachModuleWithout(from, place,
                         [&](StringRef module) { borders[module].outputs.insert(operand); });
  }
}

//===-- layouts ----------------------------------------------------------------===//

/// Heads are dimensions of their own here; Hugging Face's activations are [batch, sequence,
/// features].
static std::string describe(Value value, const Mesh &mesh) {
  LayoutAttr attribute = getLayout(value);
  if (!attribute)
    return {};
  Layout layout = attribute.getLayout(mesh);
  while (layout.dims.size() > 3) {
    AxisList minor = layout.dims.pop_back_val();
    llvm::append_range(layout.dims.back(), minor);
  }
  for (AxisList &axes : layout.dims)
    axes = getCanonical(axes, mesh);
  return toDTensorString(layout, mesh);
}

static void addLayout(std::vector<std::string> &layouts, const std::string &layout) {
  if (!layout.empty() && !llvm::is_contained(layouts, layout))
    layouts.push_back(layout);
}

/// What `module` does to an input before it uses it.
static std::string describeInput(Value value, StringRef module, const Mesh &mesh) {
  std::string text = describe(value, mesh);
  for (Operation *user : value.getUsers())
    if (isa<ReshardOp>(user) && getMarkedPhase(user) == ProgramPhase::Forward &&
        getModuleName(user->getLoc()) == module)
      return text + " -> " + describe(user->getResult(0), mesh);
  return text;
}

static std::string describeOutput(Value value, StringRef module, const Mesh &mesh) {
  Operation *op = value.getDefiningOp();
  std::string text = describe(value, mesh);
  if (op && isa<ReshardOp>(op) && getModuleName(op->getLoc()) == module)
    return describe(op->getOperand(0), mesh) + " -> " + text;
  return text;
}

std::vector<ModuleReport> tpc::collectModules(ModuleOp module) {
  std::vector<ModuleReport> reports;
  FunctionOpInterface function = findProgram(module);
  MeshOp meshOp = getMesh(module);
  if (!function || !meshOp)
    return reports;
  Mesh mesh = meshOp.getMesh().getMesh();
  BorderFinder finder(function);
  for (auto &[name, borders] : finder.run()) {
    ModuleReport report{name.str(), {}, {}};
    for (Value value : borders.inputs)
      addLayout(report.inputs, describeInput(value, name, mesh));
    for (Value value : borders.outputs)
      addLayout(report.outputs, describeOutput(value, name, mesh));
    reports.push_back(std::move(report));
  }
  return reports;
}
