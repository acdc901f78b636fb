//===- GpuKernelEmitter.cpp ----------------------------------------------------===//

#include "GpuKernelEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tpc;

/// Of one access.
static constexpr int64_t kMaxAlignment = 16;
/// The address space of a block's own memory in PTX.
static constexpr unsigned kSharedSpace = 3;
/// That of constants, which all threads of a block read at once.
static constexpr unsigned kConstantSpace = 4;

GpuKernelEmitter::GpuKernelEmitter(func::FuncOp kernel, gpu::GPUFuncOp function, int64_t lanes)
    : KernelEmitter(kernel, lanes), function(function) {
  builder.setInsertionPointToStart(&function.getBody().front());
  unsigned tensors = kernel.getNumArguments() + kernel.getNumResults();
  for (BlockArgument argument : function.getArguments().take_front(tensors))
    buffers.push_back(isa<LLVM::LLVMPointerType>(argument.getType()) ? Value(argument) : Value());
  auto toInteger = [&](Value index) {
    return arith::IndexCastUIOp::create(builder, loc, builder.getI64Type(), index);
  };
  thread = toInteger(gpu::ThreadIdOp::create(builder, loc, gpu::Dimension::x));
  block = toInteger(gpu::BlockIdOp::create(builder, loc, gpu::Dimension::x));
}

void GpuKernelEmitter::use(ArrayRef<Value> pointers, Value number) {
  buffers.assign(pointers.begin(), pointers.end());
  block = number;
}

//===-- device memory ----------------------------------------------------------===//

int64_t GpuKernelEmitter::getAlignment(Type storage) const {
  return std::min(lanes * getStorageBytes(storage), kMaxAlignment);
}

Value GpuKernelEmitter::loadVector(Value pointer, Type element, Value index, Value mask) {
  Type storage = getStorageType(element);
  Value address = getElementPointer(pointer, storage, index);
  Value loaded = LLVM::LoadOp::create(builder, loc, VectorType::get({lanes}, storage), address,
                                      getAlignment(storage));
  return fromStorage(loaded, element);
}

void GpuKernelEmitter::storeVector(Value vector, Value pointer, Value index, Value mask) {
  if (mask)
    return doIf(vector::ExtractOp::create(builder, loc, mask, ArrayRef<int64_t>{0}),
                [&] { storeVector(vector, pointer, index, {}); });
  Value stored = toStorage(vector);
  Type storage = getElementTypeOrSelf(stored.getType());
  Value address = getElementPointer(pointer, storage, index);
  LLVM::StoreOp::create(builder, loc, stored, address, getAlignment(storage));
}

unsigned GpuKernelEmitter::getConstantSpace() const { return kConstantSpace; }

GpuKernelEmitter::Clamped GpuKernelEmitter::clamp(Value index, Value count) {
  Value inside = compare(arith::CmpIPredicate::slt, index, count);
  return {arith::SelectOp::create(builder, loc, inside, index, integer(0)), inside};
}

//===-- exchange between threads -----------------------------------------------===//

Value GpuKernelEmitter::allocateShared(Type type, int64_t count) {
  std::string name = function.getName().str() + "_shared_" + std::to_string(sharedCount++);
  auto array = LLVM::LLVMArrayType::get(type, count);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(function);
    LLVM::GlobalOp::create(builder, loc, array, /*isConstant=*/false, LLVM::Linkage::Internal, name,
                           Attribute(), kMaxAlignment, kSharedSpace);
  }
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext(), kSharedSpace);
  return LLVM::AddressOfOp::create(builder, loc, pointer, name);
}

Value GpuKernelEmitter::loadShared(Value memory, Type type, Value index) {
  return LLVM::LoadOp::create(builder, loc, type, getElementPointer(memory, type, index));
}

void GpuKernelEmitter::storeShared(Value value, Value memory, Value index) {
  LLVM::StoreOp::create(builder, loc, value, getElementPointer(memory, value.getType(), index));
}

void GpuKernelEmitter::synchronize() { gpu::BarrierOp::create(builder, loc); }

Value GpuKernelEmitter::exchangeWord(Value word, int64_t distance) {
  return gpu::ShuffleOp::create(builder, loc, word, distance, kWarp, gpu::ShuffleMode::XOR)
      .getShuffleResult();
}

/// Processors exchange words of 32 bits.
Value GpuKernelEmitter::exchange(Value scalar, int64_t distance) {
  Type type = scalar.getType(), word = builder.getI32Type();
  unsigned bits = type.getIntOrFloatBitWidth();
  Type integerType = builder.getIntegerType(bits);
  auto cast = [&](Type to, Value value) -> Value {
    return value.getType() == to ? value : arith::BitcastOp::create(builder, loc, to, value);
  };
  Value value = cast(integerType, scalar);
  if (bits == 32)
    return cast(type, exchangeWord(value, distance));
  if (bits < 32) {
    value = arith::ExtUIOp::create(builder, loc, word, value);
    value = arith::TruncIOp::create(builder, loc, integerType, exchangeWord(value, distance));
    return cast(type, value);
  }
  auto pair = VectorType::get({2}, word);
  auto one = VectorType::get({1}, integerType);
  Value words = vector::BitCastOp::create(builder, loc, pair,
                                          vector::BroadcastOp::create(builder, loc, one, value));
  SmallVector<Value> exchanged;
  for (int64_t half : {0, 1})
    exchanged.push_back(exchangeWord(
        vector::ExtractOp::create(builder, loc, words, ArrayRef<int64_t>{half}), distance));
  Value joined = vector::BitCastOp::create(
      builder, loc, one, vector::FromElementsOp::create(builder, loc, pair, exchanged));
  return cast(type, vector::ExtractOp::create(builder, loc, joined, ArrayRef<int64_t>{0}));
}
