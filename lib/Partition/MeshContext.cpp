//===- MeshContext.cpp ----------------------------------------------------===//

#include "tpc/Partition/MeshContext.h"

using namespace mlir;
using namespace tpc;

FailureOr<MeshContext> MeshContext::create(ModuleOp module) {
  MeshOp mesh = getMesh(module);
  if (!mesh)
    return module.emitError("needs exactly one tpc.mesh, got ")
           << std::distance(module.getOps<MeshOp>().begin(), module.getOps<MeshOp>().end());
  return MeshContext{mesh.getMesh().getMesh(), FlatSymbolRefAttr::get(mesh.getSymNameAttr())};
}

static InFlightDiagnostic emitValueError(Value value) {
  if (Operation *op = value.getDefiningOp())
    return op->emitOpError();
  return emitError(value.getLoc())
         << "argument " << cast<BlockArgument>(value).getArgNumber() << " ";
}

FailureOr<Layout> MeshContext::readUnevenLayout(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return Layout();
  LayoutAttr attribute = getLayout(value);
  if (!attribute)
    return emitValueError(value) << "has no layout: run tpc-propagate-layouts first";
  if (attribute.getMesh() != symbol)
    return emitValueError(value) << "expects a layout on " << symbol << ", got "
                                 << attribute.getMesh();
  if (failed(attribute.verifyOn([&] { return emitValueError(value); }, mesh, type.getRank())))
    return failure();
  return getNormalized(attribute.getLayout(mesh), mesh);
}

FailureOr<Layout> MeshContext::readLayout(Value value) const {
  FailureOr<Layout> layout = readUnevenLayout(value);
  if (failed(layout) || !isa<RankedTensorType>(value.getType()))
    return layout;
  if (llvm::Error error = checkEvenSplit(getShape(value), *layout, mesh))
    return emitValueError(value) << llvm::toString(std::move(error));
  return layout;
}

ArrayAttr MeshContext::getAxesAttr(ArrayRef<AxisRef> axes) const {
  SmallVector<Attribute> attributes;
  for (const AxisRef &axis : axes)
    attributes.push_back(getAxisAttr(symbol.getContext(), axis, mesh));
  return ArrayAttr::get(symbol.getContext(), attributes);
}

FailureOr<SmallVector<func::FuncOp>> tpc::getProgramFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || function->hasAttr(TPCDialect::kKernel))
      continue;
    if (!llvm::hasSingleElement(function.getBody()))
      return function.emitError("expects one block: control flow cannot be partitioned");
    for (Operation &op : function.getBody().front())
      if (op.getNumRegions() != 0)
        return op.emitOpError("has a region: control flow cannot be partitioned");
    functions.push_back(function);
  }
  return functions;
}

LogicalResult tpc::visitValues(func::FuncOp function,
                               llvm::function_ref<LogicalResult(Value)> visit) {
  for (BlockArgument argument : function.getArguments())
    if (failed(visit(argument)))
      return failure();
  for (Operation &op : function.getBody().front())
    for (Value result : op.getResults())
      if (failed(visit(result)))
        return failure();
  return success();
}

void tpc::copyPhase(Operation *op, Operation *model) {
  for (StringRef phase : {"tpc.backward", "tpc.update"})
    if (model->hasAttr(phase))
      op->setAttr(phase, UnitAttr::get(op->getContext()));
}

ArrayRef<int64_t> tpc::getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Type tpc::getLocalType(Type type, const Layout &layout) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.clone(*getLocalShape(tensor.getShape(), layout)) : type;
}

int64_t tpc::getElementBytes(Value value) {
  return llvm::divideCeil(cast<RankedTensorType>(value.getType()).getElementTypeBitWidth(), 8u);
}

FailureOr<ReshardPlanner *> tpc::getPlanner(ModuleOp module, const MeshContext &context,
                                            StringRef machine, int64_t memoryCap) {
  if (auto cap = module->getAttrOfType<IntegerAttr>(kReshardMemory); cap && memoryCap == 0)
    memoryCap = cap.getInt();
  std::string key = (machine + " " + Twine(memoryCap)).str();
  for (const MeshAxis &axis : context.mesh.axes)
    key += (" " + axis.name + "=" + Twine(axis.size)).str();
  auto &planner = module.getContext()->getOrLoadDialect<TPCDialect>()->planners[key];
  if (planner && !MachineModel::isFile(machine)) // which may have changed
    return planner.get();
  llvm::Expected<MachineModel> model = MachineModel::load(machine);
  if (!model)
    return module.emitError(llvm::toString(model.takeError()));
  if (llvm::Error error = model->checkLinks(context.mesh))
    return module.emitError(llvm::toString(std::move(error)));
  planner = std::make_unique<ReshardPlanner>(CostModel(context.mesh, *model));
  if (memoryCap > 0)
    planner->setMemoryCap(memoryCap);
  return planner.get();
}
