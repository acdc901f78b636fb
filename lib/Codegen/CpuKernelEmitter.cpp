//===- CpuKernelEmitter.cpp ----------------------------------------------------===//

#include "CpuKernelEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tpc;

CpuKernelEmitter::CpuKernelEmitter(func::FuncOp kernel, LLVM::LLVMFuncOp function, int64_t lanes)
    : KernelEmitter(kernel, lanes), function(function) {
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  begin = function.getArgument(1), end = function.getArgument(2);
}

void CpuKernelEmitter::loadPointers(llvm::function_ref<Value(unsigned)> position) {
  Type pointer = LLVM::LLVMPointerType::get(function.getContext());
  for (unsigned number = 0, count = kernel.getNumArguments() + kernel.getNumResults();
       number < count; ++number) {
    Value slot = getElementPointer(function.getArgument(0), pointer, position(number));
    buffers.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot, 8));
  }
}

Value CpuKernelEmitter::getMask(int64_t count) {
  if (count == lanes)
    return {};
  SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), count, true);
  auto type = VectorType::get({lanes}, builder.getI1Type());
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, bits));
}

//===-- memory -----------------------------------------------------------------===//

Value CpuKernelEmitter::loadVector(Value pointer, Type element, Value index, Value mask) {
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
  return fromStorage(loaded, element);
}

void CpuKernelEmitter::storeVector(Value vector, Value pointer, Value index, Value mask) {
  Value stored = toStorage(vector);
  Type storage = getElementTypeOrSelf(stored.getType());
  Value address = getElementPointer(pointer, storage, index);
  if (mask)
    LLVM::MaskedStoreOp::create(builder, loc, stored, address, mask, getStorageBytes(storage));
  else
    LLVM::StoreOp::create(builder, loc, stored, address, getStorageBytes(storage));
}

//===-- loops ------------------------------------------------------------------===//

void CpuKernelEmitter::forVectors(Value begin, Value end, bool mayHaveTail,
                                  llvm::function_ref<void(Value, Value)> body) {
  if (!mayHaveTail)
    return forEach(begin, end, lanes, [&](Value index) { body(index, {}); });
  Value count = sub(end, begin), rest = rem(count, integer(lanes)), last = sub(end, rest);
  forEach(begin, last, lanes, [&](Value index) { body(index, {}); });
  doIf(compare(arith::CmpIPredicate::ne, rest, integer(0)), [&] {
    Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                         getLaneNumbers(builder.getI64Type()), splat(rest));
    body(last, inside);
  });
}

void CpuKernelEmitter::forVectors(int64_t count, llvm::function_ref<void(Value, Value)> body) {
  int64_t rest = count % lanes;
  if (count >= lanes)
    forEach(integer(0), integer(count - rest), lanes, [&](Value index) { body(index, {}); });
  if (rest)
    body(integer(count - rest), getMask(rest));
}
