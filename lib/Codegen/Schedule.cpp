//===- Schedule.cpp - what is known of the ops of a schedule -------------------===//

#include "tpc/Codegen/Schedule.h"
#include "tpc/Codegen/ArenaPlanner.h"
#include "tpc/Codegen/KernelInfo.h"

using namespace mlir;
using namespace tpc;

SmallVector<func::FuncOp> tpc::getEntries(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal() && !function->hasAttr(TPCDialect::kKernel))
      entries.push_back(function);
  return entries;
}

/// Where the slice begins, if it is known and all lies in one piece: behind the first dimension
/// that has more than one element in it, every dimension is whole.
static std::optional<int64_t> getSliceOffset(tensor::ExtractSliceOp op) {
  ArrayRef<int64_t> shape = op.getSourceType().getShape(), sizes = op.getStaticSizes();
  bool known = llvm::none_of(op.getStaticOffsets(), ShapedType::isDynamic) &&
               llvm::none_of(sizes, ShapedType::isDynamic) &&
               llvm::all_of(op.getStaticStrides(), [](int64_t stride) { return stride == 1; });
  auto first = llvm::find_if(sizes, [](int64_t size) { return size != 1; });
  if (!known || first == sizes.end() ||
      ArrayRef(std::next(first), sizes.end()) != shape.take_back(sizes.end() - first - 1))
    return std::nullopt;
  int64_t bytes = getBytes(op.getType()) / op.getType().getNumElements(), offset = 0;
  for (int64_t dim = shape.size(); dim-- > 0; bytes *= shape[dim])
    offset += op.getStaticOffsets()[dim] * bytes;
  return offset % kSlotAlignment ? std::nullopt : std::optional(offset);
}

Value tpc::getAliasedOperand(Operation *op) {
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return op->getOperand(0);
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  return slice && getSliceOffset(slice) ? slice.getSource() : Value();
}

int64_t tpc::getAliasOffset(Operation *op) {
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  return slice ? *getSliceOffset(slice) : 0;
}

bool tpc::isCollective(Operation *op) {
  return isa<AllGatherOp, AllReduceOp, ReduceScatterOp, AllToAllOp, PermuteOp>(op);
}

SmallVector<Operation *> tpc::getCollectives(ModuleOp module) {
  SmallVector<Operation *> collectives;
  for (func::FuncOp entry : getEntries(module))
    for (Operation &op : entry.getBody().getOps())
      if (isCollective(&op))
        collectives.push_back(&op);
  return collectives;
}

SmallVector<Value> tpc::getWrittenValues(Operation *op) {
  if (isa<WaitOp>(op))
    return {};
  return llvm::to_vector_of<Value>(isCollective(op) ? getDelivered(op) : op->getResults());
}

SmallVector<Value> tpc::getReadValues(Operation *op) {
  auto wait = dyn_cast<WaitOp>(op);
  return llvm::to_vector_of<Value>((wait ? wait.getPending().getDefiningOp() : op)->getOperands());
}

InPlaceRule::InPlaceRule(Operation *op) : op(op) {
  if (auto launch = dyn_cast<LaunchOp>(op))
    kernel = SymbolTable::lookupNearestSymbolFrom(op, launch.getKernelAttr());
}

bool InPlaceRule::allows(unsigned result, unsigned operand) const {
  Value written = isCollective(op) ? getDelivered(op)[result] : op->getResult(result);
  if (written.getType() != op->getOperand(operand).getType())
    return false;
  if (isa<AllReduceOp, DropoutOp>(op))
    return result == operand;
  if (auto contract = dyn_cast<ContractOp>(op))
    return contract.getAccumulate() && operand == 2;
  if (auto gradient = dyn_cast<EmbeddingGradOp>(op))
    return gradient.getAccumulate() && operand + 1 == op->getNumOperands();
  return kernel && KernelInfo::allowsInPlace(kernel, result, operand);
}

bool tpc::toleratesOverwrite(Operation *op, unsigned result,
                             llvm::function_ref<bool(Value)> occupied) {
  return llvm::all_of(llvm::enumerate(op->getOperands()), [&](auto operand) {
    return !occupied(operand.value()) || InPlaceRule(op).allows(result, operand.index());
  });
}

std::string tpc::getPersistentKey(DictionaryAttr attributes) {
  auto param = attributes ? attributes.getAs<ParamAttr>(TPCDialect::kParam) : ParamAttr();
  if (!param)
    return {};
  auto state = attributes.getAs<StringAttr>(TPCDialect::kState);
  return state ? (param.getName() + "/" + state.getValue()).str() : param.getName().str();
}

/// Index arithmetic runs on the host between two launches.
static bool isHostArithmetic(Operation *op) {
  return isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivUIOp,
             arith::DivSIOp, arith::RemUIOp, arith::RemSIOp>(op) &&
         op->getResult(0).getType().isIndex();
}

static bool isScheduleOp(Operation *op) {
  return isCollective(op) || getAliasedOperand(op) || isHostArithmetic(op) ||
         isa<LaunchOp, CopyOp, ContractOp, ContractPairOp, AttentionOp, AttentionGradOp,
             EmbeddingOp, EmbeddingGradOp, InitOp, DropoutOp, AxisIndexOp, WaitOp, func::ReturnOp>(
             op);
}

LogicalResult tpc::verifySchedule(func::FuncOp entry) {
  if (!llvm::hasSingleElement(entry.getBody()))
    return entry.emitOpError("expects an entry program of one block");
  for (Operation &op : entry.getBody().front())
    if (!isScheduleOp(&op))
      return op.emitOpError("is not an operation of a schedule; tpc-form-kernels outlines it");
  return success();
}
