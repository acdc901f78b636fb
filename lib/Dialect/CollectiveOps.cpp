//===- CollectiveOps.cpp - verifiers of collectives in both forms --------------===//

#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

//===-- what all share ---------------------------------------------------------===//

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

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

/// The tensors that `op` delivers: the types of its results, or of its pending result.
static SmallVector<RankedTensorType> getDeliveredTypes(Operation *op) {
  if (op->getNumResults() == 1)
    if (auto pending = dyn_cast<PendingType>(op->getResult(0).getType()))
      return llvm::to_vector(pending.getTensors());
  return llvm::map_to_vector(op->getResultTypes(), llvm::CastTo<RankedTensorType>);
}

/// C4.
static LogicalResult verifyStart(Operation *op) {
  if (llvm::none_of(op->getResultTypes(), llvm::IsaPred<PendingType>))
    return success();
  if (isGlobalForm(op))
    return op->emitOpError("cannot be started in its global form (C4): run tpc-localize first");
  if (op->getNumResults() != 1)
    return op->emitOpError("expects one pending result (C4), got ") << op->getNumResults();
  if (!op->hasOneUse() || !isa<WaitOp>(*op->user_begin()) ||
      op->user_begin()->getBlock() != op->getBlock())
    return op->emitOpError("expects a tpc.wait in the same block as the only user of its pending "
                           "result (C4), got ")
           << std::distance(op->user_begin(), op->user_end()) << " users";
  return success();
}

/// C2 of collectives that leave shapes alone.
static LogicalResult verifySameTypes(Operation *op) {
  if (llvm::equal(getDeliveredTypes(op), op->getOperandTypes()))
    return success();
  return op->emitOpError("expects results of the operands' types (C2), got ")
         << op->getResultTypes();
}

static LogicalResult verifyDim(Operation *op, int64_t dim, Value input) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  if (dim < 0 || dim >= rank)
    return op->emitOpError("expects a dimension of its operand (C1), which has ")
           << rank << ", got " << dim;
  return success();
}

/// C2: `smallType` times the group size along `dim` is `largeType`.
template <typename OpType>
static LogicalResult verifySplit(OpType op, RankedTensorType smallType, RankedTensorType largeType,
                                 int64_t dim) {
  if (isGlobalForm(op))
    return smallType == largeType ? success()
                                  : op.emitOpError("expects equal types in its global form (C2)");
  int64_t size = getGroupSize(op);
  if (!size)
    return success();
  SmallVector<int64_t> shape(smallType.getShape());
  shape[dim] *= size;
  if (largeType != RankedTensorType::get(shape, smallType.getElementType()))
    return op.emitOpError("expects dimension ")
           << dim << " to differ by the group size " << size
           << " and all else to be equal (C2), got " << smallType << " and " << largeType;
  return success();
}

/// C1 of ops whose operands travel as one.
static LogicalResult verifyTogether(Operation *op) {
  if (op->getNumOperands() == 0)
    return op->emitOpError("expects at least one operand (C1)");
  Type element = getElementTypeOrSelf(op->getOperand(0).getType());
  for (Type type : op->getOperandTypes())
    if (getElementTypeOrSelf(type) != element)
      return op->emitOpError("expects one element type (C1), got ")
             << element << " and " << getElementTypeOrSelf(type);
  return success();
}

/// C1 and C2 of ops that cut or join along `dim`.
template <typename OpType>
static LogicalResult verifyAlongDim(OpType op, bool joins) {
  SmallVector<RankedTensorType> delivered = getDeliveredTypes(op);
  if (delivered.size() != op->getNumOperands())
    return op.emitOpError("expects a tensor for each operand (C2), got ") << delivered.size();
  for (auto [operand, result] : llvm::zip_equal(op->getOperands(), delivered)) {
    auto input = cast<RankedTensorType>(operand.getType());
    if (failed(verifyDim(op, op.getDim(), operand)) ||
        failed(joins ? verifySplit(op, input, result, op.getDim())
                     : verifySplit(op, result, input, op.getDim())))
      return failure();
  }
  return success();
}

/// A started collective is under way until its wait; the synchronous form is a function of its
/// operands.
static void getStartEffects(Operation *op, Effects &effects) {
  if (llvm::any_of(op->getResultTypes(), llvm::IsaPred<PendingType>))
    effects.emplace_back(MemoryEffects::Write::get());
}

//===-- the ops ----------------------------------------------------------------===//

LogicalResult AllGatherOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
void AllGatherOp::getEffects(Effects &effects) { getStartEffects(*this, effects); }
LogicalResult AllGatherOp::verify() {
  if (failed(verifyTogether(*this)) || failed(verifyStart(*this)))
    return failure();
  return verifyAlongDim(*this, /*joins=*/true);
}

LogicalResult ReduceScatterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
void ReduceScatterOp::getEffects(Effects &effects) { getStartEffects(*this, effects); }
LogicalResult ReduceScatterOp::verify() {
  if (failed(verifyTogether(*this)) || failed(verifyStart(*this)))
    return failure();
  return verifyAlongDim(*this, /*joins=*/false);
}

LogicalResult ShardSliceOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
LogicalResult ShardSliceOp::verify() { return verifyAlongDim(*this, /*joins=*/false); }

LogicalResult AllReduceOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
void AllReduceOp::getEffects(Effects &effects) { getStartEffects(*this, effects); }
LogicalResult AllReduceOp::verify() {
  if (failed(verifyTogether(*this)) || failed(verifyStart(*this)))
    return failure();
  return verifySameTypes(*this);
}
void AllReduceOp::build(OpBuilder &builder, OperationState &state, ReductionKindAttr kind,
                        ValueRange inputs, FlatSymbolRefAttr mesh, ArrayAttr axes) {
  build(builder, state, inputs.getTypes(), kind, inputs, mesh, axes);
}

LogicalResult AllToAllOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
void AllToAllOp::getEffects(Effects &effects) { getStartEffects(*this, effects); }
LogicalResult AllToAllOp::verify() {
  if (failed(verifyStart(*this)) || failed(verifyDim(*this, getSplitDim(), getInput())) ||
      failed(verifyDim(*this, getConcatDim(), getInput())))
    return failure();
  if (getSplitDim() == getConcatDim())
    return emitOpError("expects different dimensions (C1), got ") << getSplitDim() << " twice";
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t size = getGroupSize(*this);
  SmallVector<int64_t> shape(input.getShape());
  if (!isGlobalForm(*this) && size) {
    if (shape[getSplitDim()] % size)
      return emitOpError("expects dimension ")
             << getSplitDim() << " to be a multiple of the group size " << size << " (C2), got "
             << input;
    shape[getSplitDim()] /= size;
    shape[getConcatDim()] *= size;
  }
  auto wanted = RankedTensorType::get(shape, input.getElementType());
  if (size && !llvm::equal(getDeliveredTypes(*this), ArrayRef(wanted)))
    return emitOpError(
               "expects the split dimension to shrink and the other to grow by the group size ")
           << size << " (C2), got " << input << " and " << getResult().getType();
  return success();
}

LogicalResult PermuteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
void PermuteOp::getEffects(Effects &effects) { getStartEffects(*this, effects); }
LogicalResult PermuteOp::verify() {
  if (failed(verifyStart(*this)) || failed(verifySameTypes(*this)))
    return failure();
  int64_t size = getGroupSize(*this);
  if (!size)
    return success();
  SmallVector<int64_t> sources, destinations;
  for (auto [index, position] : llvm::enumerate(getPairs()))
    (index % 2 ? destinations : sources).push_back(position);
  for (SmallVector<int64_t> *positions : {&sources, &destinations}) {
    llvm::sort(*positions);
    if (!llvm::equal(*positions, llvm::seq<int64_t>(0, size)))
      return emitOpError("expects each of the ")
             << size << " positions once as source and once as destination (C1)";
  }
  return success();
}

LogicalResult AxisIndexOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyMeshAxes(*this, symbols);
}
LogicalResult AxisIndexOp::verify() { return success(); }

//===-- the end of a started collective ----------------------------------------===//

LogicalResult WaitOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                       DictionaryAttr, OpaqueProperties, RegionRange,
                                       SmallVectorImpl<Type> &types) {
  llvm::append_range(types, cast<PendingType>(operands.front().getType()).getTensors());
  return success();
}

LogicalResult WaitOp::verify() {
  if (!isa_and_nonnull<AllGatherOp, AllReduceOp, AllToAllOp, PermuteOp, ReduceScatterOp>(
          getPending().getDefiningOp()))
    return emitOpError("expects the result of a started collective (C1), got ") << getPending();
  return success();
}

WaitOp tpc::getWait(Operation *collective) {
  if (collective->getNumResults() != 1 || !isa<PendingType>(collective->getResult(0).getType()))
    return {};
  return cast<WaitOp>(*collective->user_begin());
}

ResultRange tpc::getDelivered(Operation *collective) {
  WaitOp wait = getWait(collective);
  return wait ? wait->getResults() : collective->getResults();
}

//===-- types in the assembly --------------------------------------------------===//

ParseResult tpc::parseSameOrPending(OpAsmParser &parser, SmallVectorImpl<Type> &operands,
                                    SmallVectorImpl<Type> &results) {
  if (parser.parseTypeList(operands))
    return failure();
  if (failed(parser.parseOptionalArrow())) {
    llvm::append_range(results, operands);
    return success();
  }
  return parser.parseType(results.emplace_back());
}

void tpc::printSameOrPending(OpAsmPrinter &printer, Operation *, TypeRange operands,
                             TypeRange results) {
  printer << operands;
  if (results.size() == 1 && isa<PendingType>(results.front()))
    printer << " -> " << results.front();
}

ParseResult tpc::parseSameOrPending(OpAsmParser &parser, Type &operand, Type &result) {
  if (parser.parseType(operand))
    return failure();
  result = operand;
  return succeeded(parser.parseOptionalArrow()) ? parser.parseType(result) : success();
}

void tpc::printSameOrPending(OpAsmPrinter &printer, Operation *op, Type operand, Type result) {
  printSameOrPending(printer, op, TypeRange(operand), TypeRange(result));
}
