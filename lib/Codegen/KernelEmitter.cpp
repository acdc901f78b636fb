//===- KernelEmitter.cpp -------------------------------------------------------===//

#include "KernelEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tpc;

Type tpc::getStorageType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  if (element.isIndex())
    return IntegerType::get(element.getContext(), 64);
  if (isNarrowFloat(element))
    return IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth());
  return element;
}

static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

static unsigned getStorageBytes(Type storage) { return storage.getIntOrFloatBitWidth() / 8; }

KernelEmitter::KernelEmitter(func::FuncOp kernel, LLVM::LLVMFuncOp function, int64_t lanes)
    : kernel(kernel), function(function), builder(function.getContext()), loc(kernel.getLoc()),
      lanes(lanes) {
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  Type pointer = LLVM::LLVMPointerType::get(function.getContext());
  for (unsigned number = 0, count = kernel.getNumArguments() + kernel.getNumResults();
       number < count; ++number) {
    Value slot = getElementPointer(function.getArgument(0), pointer, integer(number));
    pointers.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot, 8));
  }
}

//===-- values -----------------------------------------------------------------===//

Value KernelEmitter::integer(int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}

Value KernelEmitter::splat(Value scalar) {
  return vector::BroadcastOp::create(builder, loc, VectorType::get({lanes}, scalar.getType()),
                                     scalar);
}

Value KernelEmitter::getLaneNumbers(Type element) {
  auto numbers = llvm::map_to_vector(llvm::seq<int64_t>(0, lanes), [&](int64_t lane) -> Attribute {
    return builder.getIntegerAttr(element, lane);
  });
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(VectorType::get({lanes}, element), numbers));
}

Value KernelEmitter::getMask(int64_t count) {
  if (count == lanes)
    return {};
  SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), count, true);
  auto type = VectorType::get({lanes}, builder.getI1Type());
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, bits));
}

//===-- memory -----------------------------------------------------------------===//

Value KernelEmitter::getElementPointer(Value pointer, Type storage, Value index) {
  if (!index)
    return pointer;
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), storage, pointer, ValueRange{index},
                             LLVM::GEPNoWrapFlags::inbounds);
}

/// i1 from the byte, a narrow float from the integer that holds it.
static Value fromStorage(OpBuilder &builder, Location loc, Value value, Type element) {
  if (isNarrowFloat(element))
    return arith::BitcastOp::create(builder, loc, withElement(value.getType(), element), value);
  if (!element.isInteger(1))
    return value;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(value.getType()));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value, zero);
}

static Value toStorage(OpBuilder &builder, Location loc, Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  Type stored = withElement(value.getType(), getStorageType(element));
  if (isNarrowFloat(element))
    return arith::BitcastOp::create(builder, loc, stored, value);
  if (!element.isInteger(1))
    return value;
  return arith::ExtUIOp::create(builder, loc, stored, value);
}

Value KernelEmitter::loadScalar(Value pointer, Type element, Value index) {
  Type storage = getStorageType(element);
  Value address = getElementPointer(pointer, storage, index);
  return fromStorage(builder, loc,
                     LLVM::LoadOp::create(builder, loc, storage, address, getStorageBytes(storage)),
                     element);
}

void KernelEmitter::storeScalar(Value scalar, Value pointer, Value index) {
  Value stored = toStorage(builder, loc, scalar);
  Value address = getElementPointer(pointer, stored.getType(), index);
  LLVM::StoreOp::create(builder, loc, stored, address, getStorageBytes(stored.getType()));
}

Value KernelEmitter::loadVector(Value pointer, Type element, Value index, Value mask) {
  Type storage = getStorageType(element);
  auto type = VectorType::get({lanes}, storage);
  Value address = getElementPointer(pointer, storage, index);
  Value loaded;
  if (mask) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    loaded = LLVM::MaskedLoadOp::create(builder, loc, type, address, mask, zero,
                                        getStorageBytes(storage));
  } else {
    loaded = LLVM::LoadOp::create(builder, loc, type, address, getStorageBytes(storage));
  }
  return fromStorage(builder, loc, loaded, element);
}

void KernelEmitter::storeVector(Value vector, Value pointer, Value index, Value mask) {
  Value stored = toStorage(builder, loc, vector);
  Type storage = getElementTypeOrSelf(stored.getType());
  Value address = getElementPointer(pointer, storage, index);
  if (mask)
    LLVM::MaskedStoreOp::create(builder, loc, stored, address, mask, getStorageBytes(storage));
  else
    LLVM::StoreOp::create(builder, loc, stored, address, getStorageBytes(storage));
}

//===-- narrow floats ----------------------------------------------------------===//

Value KernelEmitter::widen(Value value) {
  if (!isNarrowFloat(getElementTypeOrSelf(value.getType())))
    return value;
  return arith::ExtFOp::create(builder, loc, withElement(value.getType(), builder.getF32Type()),
                               value);
}

Value KernelEmitter::narrow(Value value, Type element) {
  if (!isNarrowFloat(element))
    return value;
  return arith::TruncFOp::create(builder, loc, withElement(value.getType(), element), value);
}

//===-- loops ------------------------------------------------------------------===//

KernelEmitter::Carried KernelEmitter::forEach(Value begin, Value end, int64_t step,
                                              ValueRange initial,
                                              llvm::function_ref<Carried(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(builder, loc, begin, end, integer(step), initial);
  OpBuilder::InsertionGuard guard(builder);
  if (initial.empty())
    loop.getBody()->getTerminator()->erase();
  builder.setInsertionPointToEnd(loop.getBody());
  Carried carried = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, carried);
  return Carried(loop.getResults());
}

void KernelEmitter::forEach(Value begin, Value end, int64_t step,
                            llvm::function_ref<void(Value)> body) {
  forEach(begin, end, step, ValueRange(), [&](Value index, ValueRange) {
    body(index);
    return Carried();
  });
}

void KernelEmitter::forVectors(Value begin, Value end, bool mayHaveTail,
                               llvm::function_ref<void(Value, Value)> body) {
  if (!mayHaveTail)
    return forEach(begin, end, lanes, [&](Value index) { body(index, {}); });
  Value count = sub(end, begin), rest = rem(count, integer(lanes)), last = sub(end, rest);
  forEach(begin, last, lanes, [&](Value index) { body(index, {}); });
  Value hasRest = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, rest, integer(0));
  auto branch = scf::IfOp::create(builder, loc, hasRest, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                       getLaneNumbers(builder.getI64Type()), splat(rest));
  body(last, inside);
}

void KernelEmitter::forVectors(int64_t count, llvm::function_ref<void(Value, Value)> body) {
  int64_t rest = count % lanes;
  if (count >= lanes)
    forEach(integer(0), integer(count - rest), lanes, [&](Value index) { body(index, {}); });
  if (rest)
    body(integer(count - rest), getMask(rest));
}
