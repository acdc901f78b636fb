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

int64_t tpc::getStorageBytes(Type element) {
  return getStorageType(element).getIntOrFloatBitWidth() / 8;
}

static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
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

//===-- memory -----------------------------------------------------------------===//

Value KernelEmitter::addTable(StringRef suffix, ArrayRef<int64_t> values) {
  std::string name = (SymbolTable::getSymbolName(getFunction()).getValue() + suffix).str();
  auto array = LLVM::LLVMArrayType::get(builder.getI64Type(), values.size());
  unsigned space = getConstantSpace();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(getFunction());
    LLVM::GlobalOp::create(builder, loc, array, /*isConstant=*/true, LLVM::Linkage::Private, name,
                           builder.getI64TensorAttr(values), /*alignment=*/8, space);
  }
  return LLVM::AddressOfOp::create(builder, loc,
                                   LLVM::LLVMPointerType::get(builder.getContext(), space), name);
}

Value KernelEmitter::getElementPointer(Value pointer, Type storage, Value index) {
  if (!index)
    return pointer;
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), storage, pointer, ValueRange{index},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value KernelEmitter::fromStorage(Value value, Type element) {
  if (isNarrowFloat(element))
    return arith::BitcastOp::create(builder, loc, withElement(value.getType(), element), value);
  if (!element.isInteger(1))
    return value;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(value.getType()));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value, zero);
}

Value KernelEmitter::toStorage(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  Type stored = withElement(value.getType(), getStorageType(element));
  if (isNarrowFloat(element))
    return arith::BitcastOp::create(builder, loc, stored, value);
  if (!element.isInteger(1))
    return value;
  return arith::ExtUIOp::create(builder, loc, stored, value);
}

Value KernelEmitter::loadArgument(BlockArgument argument) {
  if (argument.getType().isIndex())
    return loadIndex(argument.getArgNumber());
  return loadScalar(getArgumentPointer(argument.getArgNumber()),
                    getElementTypeOrSelf(argument.getType()));
}

Value KernelEmitter::loadScalar(Value pointer, Type element, Value index) {
  Type storage = getStorageType(element);
  Value address = getElementPointer(pointer, storage, index);
  Value loaded = LLVM::LoadOp::create(builder, loc, storage, address, getStorageBytes(storage));
  return fromStorage(loaded, element);
}

void KernelEmitter::storeScalar(Value scalar, Value pointer, Value index) {
  Value stored = toStorage(scalar);
  Value address = getElementPointer(pointer, stored.getType(), index);
  LLVM::StoreOp::create(builder, loc, stored, address, getStorageBytes(stored.getType()));
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

void KernelEmitter::doIf(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  body();
}
