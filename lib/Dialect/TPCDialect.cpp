//===- TPCDialect.cpp - registration, discardable attributes, mesh lookup ------===//

#include "tpc/Dialect/TPCDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace tpc;

#include "tpc/Dialect/TPCDialect.cpp.inc"
#include "tpc/Dialect/TPCEnums.cpp.inc"
#include "tpc/Dialect/TPCInterfaces.cpp.inc"

void TPCDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "tpc/Dialect/TPCOps.cpp.inc"
      >();
  registerAttributes();
  registerTypes();
}

MeshOp tpc::lookupMesh(Operation *op, FlatSymbolRefAttr symbol) {
  return SymbolTable::lookupNearestSymbolFrom<MeshOp>(op, symbol);
}

MeshOp tpc::getMesh(ModuleOp module) {
  auto meshes = module.getOps<MeshOp>();
  return llvm::hasSingleElement(meshes) ? *meshes.begin() : MeshOp();
}

//===-- layouts on values ------------------------------------------------------===//

/// Position of `result` among its op's tensor results.
static unsigned getTensorResultNumber(OpResult result) {
  unsigned number = 0;
  for (OpResult other : result.getOwner()->getResults().take_front(result.getResultNumber()))
    number += isa<RankedTensorType>(other.getType());
  return number;
}

bool tpc::isNarrowFloat(Type elementType) {
  return isa<FloatType>(elementType) && elementType.getIntOrFloatBitWidth() < 32;
}

LayoutAttr tpc::getLayout(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    return function
               ? function.getArgAttrOfType<LayoutAttr>(argument.getArgNumber(), TPCDialect::kLayout)
               : LayoutAttr();
  }
  auto layouts = value.getDefiningOp()->getAttrOfType<ArrayAttr>(TPCDialect::kLayouts);
  unsigned number = getTensorResultNumber(cast<OpResult>(value));
  return layouts && number < layouts.size() ? dyn_cast<LayoutAttr>(layouts[number]) : LayoutAttr();
}

void tpc::setLayout(Value value, LayoutAttr layout) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    function.setArgAttr(argument.getArgNumber(), TPCDialect::kLayout, layout);
    return;
  }
  Operation *op = value.getDefiningOp();
  SmallVector<Attribute> layouts;
  if (auto present = op->getAttrOfType<ArrayAttr>(TPCDialect::kLayouts))
    layouts.assign(present.begin(), present.end());
  unsigned tensors = llvm::count_if(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
  layouts.resize(tensors, UnitAttr::get(op->getContext()));
  layouts[getTensorResultNumber(cast<OpResult>(value))] = layout;
  op->setAttr(TPCDialect::kLayouts, ArrayAttr::get(op->getContext(), layouts));
}

//===-- verification of discardable attributes ---------------------------------===//

static LogicalResult verifyLayout(Operation *op, Attribute attribute, Type type) {
  auto layout = dyn_cast<LayoutAttr>(attribute);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!layout || !tensor)
    return op->emitOpError() << "expects a #tpc.layout on a ranked tensor, got " << attribute
                             << " on " << type;
  MeshOp mesh = lookupMesh(op, layout.getMesh());
  if (!mesh)
    return op->emitOpError() << "expects the mesh of its layout to be a tpc.mesh symbol (C1), got "
                             << layout.getMesh();
  return layout.verifyOn([&] { return op->emitOpError(); }, mesh.getMesh().getMesh(),
                         tensor.getRank());
}

static LogicalResult verifyLayouts(Operation *op, Attribute attribute) {
  auto layouts = dyn_cast<ArrayAttr>(attribute);
  auto tensors = llvm::make_filter_range(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
  size_t count = std::distance(tensors.begin(), tensors.end());
  if (!layouts || layouts.size() != count)
    return op->emitOpError() << "expects one layout per tensor result (" << count << "), got "
                             << attribute;
  for (auto [layout, type] : llvm::zip_equal(layouts, tensors))
    if (!isa<UnitAttr>(layout) && failed(verifyLayout(op, layout, type)))
      return failure();
  return success();
}

LogicalResult TPCDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == kLayouts)
    return verifyLayouts(op, attribute.getValue());
  return success();
}

LogicalResult TPCDialect::verifyRegionArgAttribute(Operation *op, unsigned regionIndex,
                                                   unsigned argIndex, NamedAttribute attribute) {
  if (attribute.getName() == kLayout)
    return verifyLayout(op, attribute.getValue(),
                        op->getRegion(regionIndex).getArgument(argIndex).getType());
  return success();
}
