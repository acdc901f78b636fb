//===- Buffers.h - which values of an entry program share memory, and when -----===//
//
// A buffer is a set of values that lie in the same bytes: a value, its reshapes and parts of it in
// one piece, and what is computed in place of it. Instants number the ops of the entry: arguments
// exist at 0, op i works at instant i + 1. A buffer lives from the instant that writes it first to
// the one that reads it last, both included, so the operands and results of one op are live
// together. Those of a started collective are live from its start to its wait.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_BUFFERS_H
#define TPC_CODEGEN_BUFFERS_H

#include "tpc/Codegen/Schedule.h"
#include "llvm/ADT/DenseMap.h"

namespace tpc {

struct Buffer {
  llvm::SmallVector<mlir::Value, 2> values;
  int64_t bytes = 0;
  int64_t first = 0, last = 0; ///< instants
  SlotSpace space = SlotSpace::Private;
  SlotCategory category = SlotCategory::Activation;
  std::string persistent; ///< getPersistentKey() of the parameter or state that lies here, or empty
  bool isArgument = false;
  bool merged = false; ///< its values went to another buffer
};

class EntryBuffers {
public:
  /// Finds the buffers of `entry`, a verified schedule, and decides what is computed in place.
  explicit EntryBuffers(mlir::func::FuncOp entry);

  llvm::ArrayRef<Buffer> getBuffers() const { return buffers; }
  unsigned getBuffer(mlir::Value value) const { return bufferOf.lookup(value); }
  /// Bytes from the buffer's beginning to that of `value`.
  int64_t getOffset(mlir::Value value) const { return partOffsets.lookup(value); }
  int64_t getEnd() const { return end; }

  /// Numbers of the results that must lie in an argument's buffer (tpc.alias) or in a parameter's
  /// (tpc.param) but cannot, because the old value is read later or the value lies elsewhere
  /// already.
  llvm::ArrayRef<unsigned> getMisplacedResults() const { return misplaced; }
  /// True if `value` lies in the buffer of an argument.
  bool isInArgument(mlir::Value value) const { return buffers[getBuffer(value)].isArgument; }

private:
  unsigned addBuffer(mlir::Value value, int64_t instant);
  void addArguments();
  void addOp(mlir::Operation *op, int64_t instant);
  void extendLifetimes(mlir::Operation *op, int64_t instant);
  void addReturn(mlir::func::ReturnOp op);
  bool placeResult(mlir::func::ReturnOp op, unsigned number);
  bool placeInArgument(unsigned buffer, unsigned argument);
  void placeInPlace(mlir::Operation *op, int64_t instant);
  bool overwrite(mlir::Operation *op, const InPlaceRule &rule, unsigned result, int64_t instant);
  bool tolerates(unsigned written, unsigned overwritten);
  void placeStarted(WaitOp wait, int64_t instant);
  bool isUsedSince(mlir::Operation *op, unsigned buffer) const;
  void merge(unsigned from, unsigned into);
  bool isWhole(mlir::Value value) const;

  mlir::func::FuncOp entry;
  llvm::SmallVector<Buffer, 0> buffers;
  llvm::DenseMap<mlir::Value, unsigned> bufferOf;
  llvm::DenseMap<mlir::Value, int64_t> partOffsets; ///< where they are not 0
  llvm::SmallVector<unsigned> misplaced;
  int64_t end = 0;
};

} // namespace tpc

#endif // TPC_CODEGEN_BUFFERS_H
