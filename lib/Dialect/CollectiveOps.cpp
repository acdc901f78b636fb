//===- CollectiveOps.cpp - verifiers of collectives in both forms --------------===//

#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

//===-- what all share ---------------------------------------------------------===//

static bool isGlobalForm(Operation *op) { return op->hasAttr(TPCDialect::kLayouts); }

/// C3.
template <typename OpType>
static LogicalResult verifyMeshAxes(OpType op, SymbolTableCollection &symbols) {
  auto mesh = symbols.lookupNearestSymbolFrom<MeshOp>(op, op.getMeshAttr());
  if (!mesh)
    return op.emitOpError("expects a tpc.mesh symbol (C3), got ") << op.getMeshAttr();
  SmallVector<AxisRef> used;
  for (AxisAttr axis : op.getAxes().template getAsRange<AxisAttr>()) {
    if (!mesh.getMesh().getMesh().findAxis(axis.getName()))
      return op.emitOpError("expects axes of the mesh (C3), got \"") << axis.getName() << '"';
    ArrayAttr single = ArrayAttr::get(op.getContext(), {axis});
    AxisRef ref = getAxes(single, mesh.getMesh().getMesh()).front();
    if (llvm::any_of(used, [&](const AxisRef &other) { return other.overlaps(ref); }))
      return op.emitOpError("expects distinct axes (C3), got \"") << axis.getName() << "\" twice";
    used.push_back(ref);
  }
  return success();
}

/// The number of ranks in a group, or 0 if the mesh cannot be found (reported by verifySymbolUses).
template <typename OpType>
static int64_t getGroupSize(OpType op) {
  MeshOp mesh = lookupMesh(op, op.getMeshAttr());
  if (!mesh)
    return 0;
  for (AxisAttr axis : op.getAxes().template getAsRange<AxisAttr>())
    if (!mesh.getMesh().getMesh().findAxis(axis.getName()))
      return 0;
  return getSize(getAxes(op.getAxes(), mesh.getMesh().getMesh()));
}

static LogicalResult verifyDim(Operation *op, int64_t dim, Value input) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  if (dim < 0 || dim >= rank)
    return op->emitOpError("expects a dimension of its operand (C1), which has ") << rank << ", got " << dim;
  return success();
}

/// C2: `small` times the group size along `dim` is `large`.
template <typename OpType>
static LogicalResult verifySplit(OpType op, Value small, Value large, int64_t dim) {
  auto smallType = cast<RankedTensorType>(small.getType());
  auto largeType = cast<RankedTensorType>(large.getType());
  if (isGlobalForm(op))
    return smallType == largeType ? success() : op.emitOpError("expects equal types in its global form (C2)");
  int64_t size = getGroupSize(op);
  if (!size)
    return success();
  SmallVector<int64_t> shape(smallType.getShape());
  shape[dim] *= size;
  if (largeType != RankedTensorType::get(shape, smallType.getElementType()))
    return op.emitOpError("expects dimension ") << dim << " to differ by the group size " << size
                                                << " and all else to be equal (C2), got " << smallType << " and "
                                                << largeType;
  return success();
}

//===-- the ops ----------------------------------------------------------------===//

LogicalResult AllGatherOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult AllGatherOp::verify() {
  if (failed(verifyDim(*this, getDim(), getInput())))
    return failure();
  return verifySplit(*this, getInput(), getResult(), getDim());
}

LogicalResult ReduceScatterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
LogicalResult ReduceScatterOp::verify() {
  if (failed(verifyDim(*this, getDim(), getInput())))
    return failure();
  return verifySplit(*this, getResult(), getInput(), getDim());
}

LogicalResult ShardSliceOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult ShardSliceOp::verify() {
  if (failed(verifyDim(*this, getDim(), getInput())))
    return failure();
  return verifySplit(*this, getResult(), getInput(), getDim());
}

LogicalResult AllReduceOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult AllReduceOp::verify() {
  if (getInputs().empty())
    return emitOpError("expects at least one operand (C1)");
  Type element = getElementTypeOrSelf(getInputs().front().getType());
  for (Type type : getInputs().getTypes())
    if (getElementTypeOrSelf(type) != element)
      return emitOpError("expects one element type (C1), got ")
             << element << " and " << getElementTypeOrSelf(type);
  return success();
}
LogicalResult AllReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                            DictionaryAttr, OpaqueProperties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  llvm::append_range(types, operands.getTypes());
  return success();
}

LogicalResult AllToAllOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult AllToAllOp::verify() {
  if (failed(verifyDim(*this, getSplitDim(), getInput())) || failed(verifyDim(*this, getConcatDim(), getInput())))
    return failure();
  if (getSplitDim() == getConcatDim())
    return emitOpError("expects different dimensions (C1), got ") << getSplitDim() << " twice";
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t size = getGroupSize(*this);
  SmallVector<int64_t> shape(input.getShape());
  if (!isGlobalForm(*this) && size) {
    if (shape[getSplitDim()] % size)
      return emitOpError("expects dimension ") << getSplitDim() << " to be a multiple of the group size " << size
                                               << " (C2), got " << input;
    shape[getSplitDim()] /= size;
    shape[getConcatDim()] *= size;
  }
  if (size && getResult().getType() != RankedTensorType::get(shape, input.getElementType()))
    return emitOpError("expects the split dimension to shrink and the other to grow by the group size ")
           << size << " (C2), got " << input << " and " << getResult().getType();
  return success();
}

LogicalResult PermuteOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult PermuteOp::verify() {
  int64_t size = getGroupSize(*this);
  if (!size)
    return success();
  SmallVector<int64_t> sources, destinations;
  for (auto [index, position] : llvm::enumerate(getPairs()))
    (index % 2 ? destinations : sources).push_back(position);
  for (SmallVector<int64_t> *positions : {&sources, &destinations}) {
    llvm::sort(*positions);
    if (!llvm::equal(*positions, llvm::seq<int64_t>(0, size)))
      return emitOpError("expects each of the ") << size << " positions once as source and once as destination (C1)";
  }
  return success();
}

LogicalResult AxisIndexOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyMeshAxes(*this, symbols); }
LogicalResult AxisIndexOp::verify() { return success(); }
