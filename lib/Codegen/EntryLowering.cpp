//===- EntryLowering.cpp -------------------------------------------------------===//
//
// The code is a straight line of calls, so it is compiled without optimization: pointers are
// recomputed where they are used, which keeps every live range short.
//
//===----------------------------------------------------------------------===//

#include "EntryLowering.h"

using namespace mlir;
using namespace tpc;
using Field = RuntimeCalls::Field;

EntryLowering::EntryLowering(func::FuncOp entry, RuntimeCalls &runtime,
                             const llvm::DenseMap<Operation *, int64_t> &collectives)
    : runtime(runtime), builder(entry), loc(entry.getLoc()), entry(entry),
      collectives(collectives) {}

/// Dimensions that descriptors of tpc_runtime.h have room for.
static constexpr int64_t kMaxRank = 8;

/// The most pointers that one op hands to the runtime in an array, its workspace included.
static int64_t getMaxPointers(func::FuncOp entry) {
  int64_t count = 1;
  for (Operation &op : entry.getBody().front())
    count = std::max<int64_t>(count, op.getNumOperands() + getWrittenValues(&op).size() + 1);
  return count;
}

LogicalResult EntryLowering::run() {
  Type pointer = runtime.getPointer();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                          {pointer, pointer, pointer});
  function = LLVM::LLVMFuncOp::create(builder, loc, ("tpc_entry_" + entry.getName()).str(), type);
  function.setNoInline(true);
  function.setOptimizeNone(true);
  Block *block = function.addEntryBlock(builder);
  context = block->getArgument(0), privateBase = block->getArgument(1),
  communicationBase = block->getArgument(2);
  exit = builder.createBlock(&function.getBody());
  LLVM::ReturnOp::create(builder, loc, ValueRange());
  builder.setInsertionPointToStart(block);
  pointers = allocate(pointer, getMaxPointers(entry));
  for (Operation &op : entry.getBody().front().without_terminator()) {
    loc = op.getLoc();
    if (failed(lower(&op)))
      return failure();
  }
  LLVM::BrOp::create(builder, entry.getLoc(), exit);
  return success();
}

LogicalResult EntryLowering::lower(Operation *op) {
  if (getAliasedOperand(op))
    return success();
  if (isCollective(op))
    return lowerCollective(op);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LaunchOp launch) { return lowerLaunch(launch); })
      .Case([&](ContractOp contract) { return lowerContract(contract); })
      .Case([&](ContractPairOp pair) { return lowerContractPair(pair); })
      .Case([&](AttentionOp attention) { return lowerAttention(attention); })
      .Case([&](AttentionGradOp gradient) { return lowerAttentionGrad(gradient); })
      .Case([&](EmbeddingOp embedding) {
        return lowerEmbedding(op, "tpc_embedding", embedding.getIds(), embedding.getTable(),
                              embedding.getFirst());
      })
      .Case([&](EmbeddingGradOp gradient) {
        return lowerEmbedding(op, "tpc_embedding_grad", gradient.getIds(), gradient.getDResult(),
                              gradient.getFirst());
      })
      .Case([&](InitOp init) { return lowerInit(init); })
      .Case([&](DropoutOp dropout) { return lowerDropout(dropout); })
      .Case([&](WaitOp wait) { return lowerWait(wait); })
      .Case([&](AxisIndexOp index) { return lowerAxisIndex(index); })
      .Case([&](CopyOp copy) { return lowerCopy(copy); })
      .Default([&](Operation *other) { return lowerHostArithmetic(other); });
}

//===-- pointers and constants -------------------------------------------------===//

SlotAttr EntryLowering::getSlot(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return entry.getArgAttrOfType<SlotAttr>(argument.getArgNumber(), TPCDialect::kSlot);
  auto result = cast<OpResult>(value);
  return cast<SlotAttr>(
      result.getOwner()->getAttrOfType<ArrayAttr>(TPCDialect::kSlots)[result.getResultNumber()]);
}

Value EntryLowering::getPointer(SlotAttr slot) {
  Value base = slot.getSpace() == SlotSpace::Private ? privateBase : communicationBase;
  return LLVM::GEPOp::create(builder, loc, runtime.getPointer(), builder.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{getInteger(slot.getOffset())});
}

Value EntryLowering::getPointer(Value value) {
  return value.getType().isIndex() ? getIndexPointer(value) : getPointer(getSlot(value));
}

Value EntryLowering::getWorkspace(Operation *op) {
  auto slots = op->getAttrOfType<ArrayAttr>(TPCDialect::kSlots);
  if (slots.size() == op->getNumResults())
    return LLVM::ZeroOp::create(builder, loc, runtime.getPointer());
  return getPointer(cast<SlotAttr>(slots[op->getNumResults()]));
}

Value EntryLowering::allocate(Type type, int64_t count) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(builder, loc, runtime.getPointer(), type, getInteger(count));
}

Value EntryLowering::getIndexPointer(Value index) {
  Value &memory = indexPointers[index];
  if (!memory) {
    memory = allocate(builder.getI64Type(), 1);
    LLVM::StoreOp::create(builder, loc, indices.lookup(index), memory);
  }
  return memory;
}

Value EntryLowering::fillPointers(ValueRange values, unsigned firstElement) {
  for (auto [number, value] : llvm::enumerate(values))
    LLVM::StoreOp::create(builder, loc, getPointer(value),
                          getPointerAddress(firstElement + number));
  return getPointerAddress(firstElement);
}

Value EntryLowering::getPointerAddress(unsigned element) {
  return LLVM::GEPOp::create(builder, loc, runtime.getPointer(), runtime.getPointer(), pointers,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(element)});
}

Value EntryLowering::getInteger(int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(),
                                  builder.getI64IntegerAttr(value));
}

Value EntryLowering::getInt32(int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                  builder.getI32IntegerAttr(value));
}

FailureOr<Value> EntryLowering::getScalarPointer(Value tensor, unsigned bits) {
  Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (!type.isInteger(bits))
    return emitError(loc) << "expects a seed of type i64 and a scheme of type i32, got "
                          << tensor.getType();
  return getPointer(tensor);
}

Value EntryLowering::getDescriptor(StringRef prefix, ArrayRef<Field> fields) {
  return runtime.getAddress(builder, loc, runtime.getConstant(prefix, fields));
}

FailureOr<int64_t> EntryLowering::getDtype(Operation *op, Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  if (std::optional<int64_t> dtype = getRuntimeDtype(type))
    return *dtype;
  return op->emitOpError("has element type ") << type << ", which the runtime does not know";
}

//===-- compute ----------------------------------------------------------------===//

LogicalResult EntryLowering::callContract(const Contraction &of, const ContractDescriptor &desc,
                                          Value accumulate) {
  FailureOr<int64_t> dtype = getDtype(of.op, of.lhs), resultDtype = getDtype(of.op, of.result);
  if (failed(dtype) || failed(resultDtype))
    return failure();
  Field shape =
      Field::array({desc.batch, desc.m, desc.n, desc.k, desc.aBatch, desc.aM, desc.aK, desc.bBatch,
                    desc.bK, desc.bN, desc.cBatch, desc.cM, desc.cN, accumulate ? 1 : 0});
  Value descriptor =
      getDescriptor("tpc_contract_desc", {Field::int32(*dtype), Field::int32(*resultDtype), shape});
  SmallVector<Value> operands = {context, descriptor, getPointer(of.lhs), getPointer(of.rhs)};
  if (accumulate)
    operands.push_back(getPointer(accumulate));
  operands.push_back(getPointer(of.result));
  runtime.call(builder, loc, accumulate ? "tpc_contract_add" : "tpc_contract", {}, operands);
  return success();
}

LogicalResult EntryLowering::lowerContract(ContractOp op) {
  FailureOr<ContractDescriptor> desc = describeContract(op.getContraction());
  return failed(desc) ? failure() : callContract(op.getContraction(), *desc, op.getAccumulate());
}

/// How many elements `other` lies behind `value`; std::nullopt if it lies before it, or in another
/// region.
std::optional<int64_t> EntryLowering::getDistance(Value value, Value other) {
  SlotAttr from = getSlot(value), to = getSlot(other);
  int64_t bytes = to.getOffset() - from.getOffset();
  if (from.getSpace() != to.getSpace() || bytes < 0)
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  return bytes * 8 / type.getElementTypeBitWidth();
}

/// One product with a batch of two: what lies at any two places of one region is a fixed distance
/// apart. Where that is none, two products.
LogicalResult EntryLowering::lowerContractPair(ContractPairOp op) {
  auto [first, second] = op.getContractions();
  FailureOr<ContractDescriptor> desc = describeContract(first);
  if (failed(desc))
    return failure();
  if (getSlot(second.result).getOffset() < getSlot(first.result).getOffset())
    std::swap(first, second);
  std::optional<int64_t> lhs = getDistance(first.lhs, second.lhs),
                         rhs = getDistance(first.rhs, second.rhs),
                         result = getDistance(first.result, second.result);
  if (desc->batch != 1 || !lhs || !rhs || !result)
    return success(succeeded(callContract(first, *desc, {})) &&
                   succeeded(callContract(second, *desc, {})));
  ContractDescriptor both = *desc;
  both.batch = 2, both.aBatch = *lhs, both.bBatch = *rhs, both.cBatch = *result;
  return callContract(first, both, {});
}

static SmallVector<Field> getAttentionFields(int64_t dtype, Value q, Value k, bool causal,
                                             double scale) {
  ArrayRef<int64_t> queries = cast<RankedTensorType>(q.getType()).getShape();
  int64_t keys = cast<RankedTensorType>(k.getType()).getDimSize(1);
  return {Field::int32(dtype),      Field::int64(queries[0]), Field::int64(queries[1]),
          Field::int64(keys),       Field::int64(queries[2]), Field::int64(queries[3]),
          Field::int64(queries[4]), Field::int64(causal),     Field::number(scale)};
}

/// Forward and gradient take the same descriptor, their tensors in order, and a workspace.
template <typename OpType>
LogicalResult EntryLowering::callAttention(OpType op, StringRef function) {
  FailureOr<int64_t> dtype = getDtype(op, op.getQ());
  if (failed(dtype))
    return failure();
  auto fields = getAttentionFields(*dtype, op.getQ(), op.getK(), op.getCausal(),
                                   op.getScale().convertToDouble());
  SmallVector<Value> operands = {context, getDescriptor("tpc_attention_desc", fields)};
  for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
    for (Value value : values)
      operands.push_back(getPointer(value));
  operands.push_back(getWorkspace(op));
  runtime.call(builder, loc, function, {}, operands);
  return success();
}

LogicalResult EntryLowering::lowerAttention(AttentionOp op) {
  return callAttention(op, "tpc_attention");
}

LogicalResult EntryLowering::lowerAttentionGrad(AttentionGradOp op) {
  return callAttention(op, "tpc_attention_grad");
}

/// `values` is the table, or the cotangent of its rows.
LogicalResult EntryLowering::lowerEmbedding(Operation *op, StringRef name, Value ids, Value values,
                                            Value first) {
  FailureOr<int64_t> dtype = getDtype(op, values), resultDtype = getDtype(op, op->getResult(0));
  if (failed(dtype) || failed(resultDtype))
    return failure();
  if (!cast<RankedTensorType>(ids.getType()).getElementType().isInteger(32))
    return op->emitOpError("expects ids of type i32, got ") << ids.getType();
  auto table = cast<RankedTensorType>((isa<EmbeddingOp>(op) ? values : op->getResult(0)).getType());
  SmallVector<Value> operands = {context, getInt32(*dtype)};
  if (isa<EmbeddingGradOp>(op))
    operands.push_back(getInt32(*resultDtype));
  operands.append({getInteger(cast<RankedTensorType>(ids.getType()).getNumElements()),
                   getInteger(table.getDimSize(0)), getInteger(table.getDimSize(1)),
                   first ? indices.lookup(first) : getInteger(0), getPointer(ids),
                   getPointer(values)});
  if (auto gradient = dyn_cast<EmbeddingGradOp>(op))
    operands.push_back(gradient.getAccumulate()
                           ? getPointer(gradient.getAccumulate())
                           : LLVM::ZeroOp::create(builder, loc, runtime.getPointer()).getResult());
  operands.push_back(getPointer(op->getResult(0)));
  runtime.call(builder, loc, name, {}, operands);
  return success();
}

Value EntryLowering::fillOffsets(ValueRange offsets) {
  Value memory = allocate(builder.getI64Type(), kMaxRank);
  for (int32_t dim = 0; dim < kMaxRank; ++dim) {
    Value offset =
        dim < static_cast<int32_t>(offsets.size()) ? indices.lookup(offsets[dim]) : getInteger(0);
    Value address = LLVM::GEPOp::create(builder, loc, runtime.getPointer(), builder.getI64Type(),
                                        memory, ArrayRef<LLVM::GEPArg>{dim});
    LLVM::StoreOp::create(builder, loc, offset, address);
  }
  return memory;
}

/// rank, global_shape, local_shape of a descriptor.
static SmallVector<Field> getBoxFields(ArrayRef<int64_t> globalShape, RankedTensorType type) {
  SmallVector<int64_t> global(globalShape), local(type.getShape());
  global.resize(kMaxRank, 1), local.resize(kMaxRank, 1);
  return {Field::int64(type.getRank()), Field::array(global), Field::array(local)};
}

LogicalResult EntryLowering::lowerInit(InitOp op) {
  FailureOr<int64_t> dtype = getDtype(op, op.getResult());
  FailureOr<Value> seed = getScalarPointer(op.getSeed(), 64);
  FailureOr<Value> scheme = getScalarPointer(op.getScheme(), 32);
  if (failed(dtype) || failed(seed) || failed(scheme))
    return failure();
  ParamAttr param = op.getParam();
  SmallVector<Field> fields = {Field::string(param.getName()), Field::int32(*dtype),
                               Field::int64(static_cast<int64_t>(param.getKind())),
                               Field::int64(param.getFanIn()),
                               Field::number(op.getInitializerRange().convertToDouble())};
  llvm::append_range(
      fields, getBoxFields(op.getGlobalShape(), cast<RankedTensorType>(op.getResult().getType())));
  runtime.call(builder, loc, "tpc_init_tensor", {},
               {context, getDescriptor("tpc_init_desc", fields), *seed, *scheme,
                fillOffsets(op.getOffsets()), getPointer(op.getResult())});
  return success();
}

LogicalResult EntryLowering::lowerDropout(DropoutOp op) {
  FailureOr<int64_t> dtype = getDtype(op, op.getResult());
  FailureOr<Value> seed = getScalarPointer(op.getSeed(), 64);
  if (failed(dtype) || failed(seed))
    return failure();
  SmallVector<Field> fields = {Field::string(op.getStream()), Field::int32(*dtype),
                               Field::number(op.getProbability().convertToDouble())};
  llvm::append_range(
      fields, getBoxFields(op.getGlobalShape(), cast<RankedTensorType>(op.getResult().getType())));
  runtime.call(builder, loc, "tpc_dropout", {},
               {context, getDescriptor("tpc_dropout_desc", fields), *seed,
                fillOffsets(op.getOffsets()), getPointer(op.getInput()),
                getPointer(op.getResult())});
  return success();
}

//===-- communication ----------------------------------------------------------===//

LogicalResult EntryLowering::lowerCollective(Operation *op) {
  if (failed(getDtype(op, op->getOperand(0))))
    return failure();
  Value inputs = fillPointers(op->getOperands(), 0);
  Value outputs = fillPointers(getDelivered(op), op->getNumOperands());
  Value index = getInteger(collectives.lookup(op));
  runtime.call(builder, loc, "tpc_collective_start", {}, {context, index, inputs, outputs});
  if (!getWait(op))
    waitFor(index);
  return success();
}

LogicalResult EntryLowering::lowerWait(WaitOp op) {
  waitFor(getInteger(collectives.lookup(op.getPending().getDefiningOp())));
  return success();
}

void EntryLowering::waitFor(Value index) {
  runtime.call(builder, loc, "tpc_collective_wait", {}, {context, index});
  returnIfFailed();
}

void EntryLowering::returnIfFailed() {
  Value failed = runtime.call(builder, loc, "tpc_failed", builder.getI32Type(), {context});
  Value zero =
      LLVM::ConstantOp::create(builder, loc, builder.getI32Type(), builder.getI32IntegerAttr(0));
  Value stop = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, failed, zero);
  Block *next = function.addBlock();
  next->moveBefore(exit);
  LLVM::CondBrOp::create(builder, loc, stop, exit, next);
  builder.setInsertionPointToStart(next);
}

/// Row-major over the axes; of each (sub-)axis (coordinate / (n / (pre * size))) % size.
LogicalResult EntryLowering::lowerAxisIndex(AxisIndexOp op) {
  MeshOp meshOp = lookupMesh(op, op.getMeshAttr());
  const Mesh &mesh = meshOp.getMesh().getMesh();
  Value index;
  for (const AxisRef &axis : getAxes(op.getAxes(), mesh)) {
    if (axis.size == 1)
      continue;
    Value part = runtime.call(builder, loc, "tpc_axis_index", builder.getI64Type(),
                              {context, getInteger(axis.axis)});
    if (int64_t minor = mesh.axes[axis.axis].size / (axis.pre * axis.size); minor != 1)
      part = LLVM::UDivOp::create(builder, loc, part, getInteger(minor));
    if (axis.pre != 1)
      part = LLVM::URemOp::create(builder, loc, part, getInteger(axis.size));
    if (index)
      index = LLVM::MulOp::create(builder, loc, index, getInteger(axis.size));
    index = index ? LLVM::AddOp::create(builder, loc, index, part).getResult() : part;
  }
  indices[op.getResult()] = index ? index : getInteger(0);
  return success();
}

LogicalResult EntryLowering::lowerHostArithmetic(Operation *op) {
  auto operand = [&](unsigned number) { return indices.lookup(op->getOperand(number)); };
  auto binary = [&](auto tag) -> Value {
    return decltype(tag)::create(builder, loc, operand(0), operand(1)).getResult();
  };
  Value result = llvm::TypeSwitch<Operation *, Value>(op)
                     .Case([&](arith::ConstantOp constant) {
                       return getInteger(cast<IntegerAttr>(constant.getValue()).getInt());
                     })
                     .Case([&](arith::AddIOp) { return binary(LLVM::AddOp()); })
                     .Case([&](arith::SubIOp) { return binary(LLVM::SubOp()); })
                     .Case([&](arith::MulIOp) { return binary(LLVM::MulOp()); })
                     .Case([&](arith::DivUIOp) { return binary(LLVM::UDivOp()); })
                     .Case([&](arith::DivSIOp) { return binary(LLVM::SDivOp()); })
                     .Case([&](arith::RemUIOp) { return binary(LLVM::URemOp()); })
                     .Case([&](arith::RemSIOp) { return binary(LLVM::SRemOp()); })
                     .Default(Value());
  if (!result)
    return op->emitOpError("is not an operation of a schedule");
  indices[op->getResult(0)] = result;
  return success();
}
