//===- WindowMemory.h - what being under way adds to the memory in use ------------===//
//
// A collective that executes where it stands needs its operands up to there and its results from
// there on. Started earlier, its results need memory from the start on; waited for later, its
// operands need theirs until the wait, unless something else reads them until then anyway.
//
//   %0 = launch @f                                       // bytes that are added, by op:
//   %p = all_gather %0 : tensor<4xf32> -> tensor<8xf32>
//   %1 = launch @g                                       // 32: the result
//        <- where it stood
//   %2 = launch @h(%0)                                   // 0: @h reads %0 anyway
//   %3 = launch @i                                       // 16: the operand
//   %4 = wait %p
//
// A result in the place of its operand, an all_reduce's whose operand nobody else reads, adds
// nothing.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_OPTIMIZE_WINDOWMEMORY_H
#define TPC_LIB_OPTIMIZE_WINDOWMEMORY_H

#include "mlir/IR/Operation.h"

namespace tpc {

/// The last op but `except` that reads the memory of `value`, through reshapes; null if there is
/// none. The terminator for arguments, whose memory is there anyway.
mlir::Operation *getLastReader(mlir::Value value, mlir::Operation *except);

/// Of one synchronous collective.
class WindowMemory {
public:
  explicit WindowMemory(mlir::Operation *collective);

  /// For each op before the collective that its window has.
  int64_t getBytesBefore() const { return resultBytes; }
  /// For `op`, which stands behind the collective.
  int64_t getBytesDuring(mlir::Operation *op) const;
  /// For an op that adds the most.
  int64_t getMostBytes() const;

private:
  struct Operand {
    int64_t bytes;
    mlir::Operation *lastReader; ///< may be null
  };
  int64_t resultBytes = 0;
  llvm::SmallVector<Operand> operands; ///< none whose memory a result takes over
};

} // namespace tpc

#endif // TPC_LIB_OPTIMIZE_WINDOWMEMORY_H
