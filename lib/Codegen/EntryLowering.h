//===- EntryLowering.h - one planned entry program as calls of the runtime -----===//
//
// What targets share; launches and copies are their own.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_ENTRYLOWERING_H
#define TPC_LIB_CODEGEN_ENTRYLOWERING_H

#include "tpc/Codegen/ContractDescriptor.h"
#include "tpc/Codegen/RuntimeCalls.h"
#include "tpc/Codegen/Schedule.h"

namespace tpc {

/// Builds `void tpc_entry_<name>(tpc_context *, char *private, char *communication)` before the
/// entry.
class EntryLowering {
public:
  /// `collectives` numbers them over all entries.
  EntryLowering(mlir::func::FuncOp entry, RuntimeCalls &runtime,
                const llvm::DenseMap<mlir::Operation *, int64_t> &collectives);
  virtual ~EntryLowering() = default;
  mlir::LogicalResult run();

protected:
  virtual mlir::LogicalResult lowerLaunch(LaunchOp op) = 0;
  virtual mlir::LogicalResult lowerCopy(CopyOp op) = 0;

  /// Start of the bytes of a value, of an op's workspace (null if it has none), of a slot.
  mlir::Value getPointer(mlir::Value value);
  mlir::Value getWorkspace(mlir::Operation *op);
  mlir::Value getPointer(SlotAttr slot);
  SlotAttr getSlot(mlir::Value value);
  /// The i64 that an index value of the schedule has become.
  mlir::Value getIndex(mlir::Value index) { return indices.lookup(index); }
  mlir::Value getInteger(int64_t value);
  /// Element number `element` of the stack array that pointers are handed over in.
  mlir::Value getPointerAddress(unsigned element);
  /// Stores pointers to `values` in that array.
  mlir::Value fillPointers(mlir::ValueRange values, unsigned firstElement);
  /// The constant descriptor's address.
  mlir::Value getDescriptor(llvm::StringRef prefix, llvm::ArrayRef<RuntimeCalls::Field> fields);

  RuntimeCalls &runtime;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::Value context, pointers;

private:
  mlir::LogicalResult lower(mlir::Operation *op);
  mlir::LogicalResult lowerContract(ContractOp op);
  mlir::LogicalResult lowerContractPair(ContractPairOp op);
  /// `accumulate` may be null.
  mlir::LogicalResult callContract(const Contraction &of, const ContractDescriptor &desc,
                                   mlir::Value accumulate);
  std::optional<int64_t> getDistance(mlir::Value value, mlir::Value other);
  mlir::LogicalResult lowerAttention(AttentionOp op);
  mlir::LogicalResult lowerAttentionGrad(AttentionGradOp op);
  template <typename OpType>
  mlir::LogicalResult callAttention(OpType op, llvm::StringRef function);
  mlir::LogicalResult lowerEmbedding(mlir::Operation *op, llvm::StringRef function, mlir::Value ids,
                                     mlir::Value values, mlir::Value first);
  mlir::LogicalResult lowerInit(InitOp op);
  mlir::LogicalResult lowerDropout(DropoutOp op);
  mlir::LogicalResult lowerCollective(mlir::Operation *op);
  mlir::LogicalResult lowerWait(WaitOp op);
  mlir::LogicalResult lowerAxisIndex(AxisIndexOp op);
  mlir::LogicalResult lowerHostArithmetic(mlir::Operation *op);

  mlir::FailureOr<int64_t> getDtype(mlir::Operation *op, mlir::Value value);
  /// A stack array of eight: where a shard starts in its global shape (no offsets: at zero).
  mlir::Value fillOffsets(mlir::ValueRange offsets);
  /// The int64 in memory that stands for an index operand.
  mlir::Value getIndexPointer(mlir::Value index);
  mlir::Value getInt32(int64_t value);
  /// Of a scalar integer of so many bits; reports another type.
  mlir::FailureOr<mlir::Value> getScalarPointer(mlir::Value tensor, unsigned bits);
  mlir::Value allocate(mlir::Type type, int64_t count);
  /// Ends collective number `index` and returns from the entry if a rank has failed.
  void waitFor(mlir::Value index);
  void returnIfFailed();

  mlir::func::FuncOp entry;
  const llvm::DenseMap<mlir::Operation *, int64_t> &collectives;
  mlir::LLVM::LLVMFuncOp function;
  mlir::Value privateBase, communicationBase;
  mlir::Block *exit = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> indices;       ///< index value -> i64
  llvm::DenseMap<mlir::Value, mlir::Value> indexPointers; ///< index value -> where it is in memory
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_ENTRYLOWERING_H
