//===- Schedule.h - the straight-line form of entry programs -------------------===//
//
// After tpc-form-kernels an entry program is a list of launches, contracts, attention, embedding,
// initialization, collectives, reshapes and index arithmetic. What the memory planner, its checker
// and the lowerings must know of these ops is here.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_CODEGEN_SCHEDULE_H
#define TPC_CODEGEN_SCHEDULE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

/// The entry programs of a module: its public functions with a body.
llvm::SmallVector<mlir::func::FuncOp> getEntries(mlir::ModuleOp module);

/// The operand whose buffer the only result of `op` shares, or null: that of a reshape, or of a
/// slice that lies there in one piece, at a multiple of kSlotAlignment.
mlir::Value getAliasedOperand(mlir::Operation *op);
/// Bytes between the beginnings of that operand and of the result.
int64_t getAliasOffset(mlir::Operation *op);

/// True for ops that the ranks of a group execute together.
bool isCollective(mlir::Operation *op);

/// All collectives of the entry programs in program order: the position is the number the runtime
/// knows it by.
llvm::SmallVector<mlir::Operation *> getCollectives(mlir::ModuleOp module);

/// The values whose memory `op` writes from its instant on: its results. A started collective
/// writes those of its wait, and the wait none.
llvm::SmallVector<mlir::Value> getWrittenValues(mlir::Operation *op);

/// The values whose memory `op` reads until its instant: its operands, and for a wait those of the
/// collective that it ends.
llvm::SmallVector<mlir::Value> getReadValues(mlir::Operation *op);

/// What may be written over what; costs of an op are paid once for all of its pairs.
class InPlaceRule {
public:
  explicit InPlaceRule(mlir::Operation *op);
  /// True if written value number `result` may be written over operand number `operand`.
  bool allows(unsigned result, unsigned operand) const;

private:
  mlir::Operation *op;
  mlir::Operation *kernel = nullptr; ///< of a launch
};

/// True if written value `result` may lie in the buffer `occupied` describes: every operand of `op`
/// for which it holds tolerates being overwritten by `result`.
bool toleratesOverwrite(mlir::Operation *op, unsigned result,
                        llvm::function_ref<bool(mlir::Value)> occupied);

/// What identifies persistent memory in all entries: "name" or "name/exp_avg"; empty for other
/// arguments.
std::string getPersistentKey(mlir::DictionaryAttr attributes);

/// Checks that `entry` is one block of schedule ops; reports the first op that is none.
mlir::LogicalResult verifySchedule(mlir::func::FuncOp entry);

} // namespace tpc

#endif // TPC_CODEGEN_SCHEDULE_H
