//===- GridExpressions.h - tensor ops evaluated at a row and a vector of columns ===//

#ifndef TPC_LIB_CODEGEN_GRIDEXPRESSIONS_H
#define TPC_LIB_CODEGEN_GRIDEXPRESSIONS_H

#include "KernelEmitter.h"

namespace tpc {

/// A row and the values of the kernel that are known for it, as scalars.
struct GridRow {
  mlir::Value number; ///< null for elementwise kernels, which have one row
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
};

/// `lanes` columns of a row, from `column` on.
struct GridPoint {
  GridRow &row;
  mlir::Value column, mask;
  int phase = 0;
  llvm::DenseMap<mlir::Value, mlir::Value> vectors{}; ///< what has been evaluated here
};

class GridExpressions {
public:
  GridExpressions(KernelEmitter &emitter, const KernelPlan &plan);

  /// A vector of a value that has the space's shape.
  mlir::Value evaluate(mlir::Value value, GridPoint &point);
  /// The scalar of a value that has the rows' shape, or no dimension.
  mlir::Value evaluateRow(mlir::Value value, GridRow &row);
  /// Evaluates all row values that `value` needs in `phase`, ahead of the loop over its columns.
  void prepare(mlir::Value value, GridRow &row, int phase);

  /// All results of a phase are evaluated before one is stored: a result may lie where an operand
  /// was.
  void storeResults(const KernelPhase &phase, GridPoint &point);

  /// What reduction `value` sums up, at a point, with the reduction's identity where the mask is
  /// off.
  mlir::Value evaluateSummand(mlir::OpResult value, GridPoint &point);
  void prepareSummand(mlir::OpResult value, GridRow &row, int phase);

  static ReductionKind getKind(mlir::OpResult reduction);
  mlir::Value getIdentity(ReductionKind kind, mlir::Type type);
  mlir::Value combine(ReductionKind kind, mlir::Value a, mlir::Value b);
  /// All lanes of a vector as one scalar.
  mlir::Value combineLanes(ReductionKind kind, mlir::Value vector);

private:
  mlir::Value evaluateOp(mlir::Operation *op, GridPoint &point);
  /// One where the mask is off, as division by whatever lies there may trap.
  mlir::Value guardDivisor(mlir::Value divisor, mlir::Value mask);
  mlir::Value evaluateBroadcast(BroadcastOp op, GridPoint &point);
  mlir::Value evaluateCrossEntropyGrad(CrossEntropyGradOp op, GridPoint &point);
  /// Which elements at row-major `position` (i64, or a vector of them) of the op's result are on.
  mlir::Value isWithin(WithinOp op, mlir::Value position, GridRow &row);
  /// The target's logit, 0 if it is outside the row.
  mlir::Value pickTarget(CrossEntropyOp op, GridRow &row);
  /// The target as a column, i64.
  mlir::Value getTargetColumn(mlir::Value targets, mlir::Value first, GridRow &row);
  /// Lanes whose column is the row's target.
  mlir::Value isTarget(mlir::Value targets, mlir::Value first, GridPoint &point);
  mlir::Value getConstant(mlir::arith::ConstantOp op, bool vector);
  mlir::Value getOffset(GridPoint &point);
  mlir::Operation *cloneAs(mlir::Operation *op, mlir::ValueRange operands, bool vector);
  std::optional<unsigned> getStoredResult(mlir::Value value, int phase);
  llvm::SmallVector<mlir::Value> getRowOperands(mlir::Operation *op);

  KernelEmitter &emitter;
  const KernelPlan &plan;
  GridRow everywhere; ///< scalars that are the same for all rows
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_GRIDEXPRESSIONS_H
