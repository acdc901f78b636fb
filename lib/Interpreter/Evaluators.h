//===- Evaluators.h - one function per op, by name -----------------------------===//

#ifndef TPC_LIB_INTERPRETER_EVALUATORS_H
#define TPC_LIB_INTERPRETER_EVALUATORS_H

#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Interpreter/Interpreter.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

/// Operands of an op on one rank.
using Operands = llvm::ArrayRef<const Tensor *>;
using Results = llvm::SmallVectorImpl<Tensor>;

/// An op that a rank computes by itself. Result shapes are those of the op's result types.
using LocalEvaluator = std::function<llvm::LogicalResult(mlir::Operation *, Operands, Results &)>;
/// An op that needs all ranks: operands[rank][operand], results[rank][result].
using CollectiveEvaluator = std::function<llvm::LogicalResult(
    mlir::Operation *, llvm::ArrayRef<llvm::SmallVector<const Tensor *>>,
    std::vector<std::vector<Tensor>> &, const InterpreterOptions &)>;

struct EvaluatorTable {
  llvm::StringMap<LocalEvaluator> local;
  llvm::StringMap<CollectiveEvaluator> collective;

  template <typename OpType>
  void add(LocalEvaluator evaluator) {
    local[OpType::getOperationName()] = std::move(evaluator);
  }
  template <typename OpType>
  void addCollective(CollectiveEvaluator evaluator) {
    collective[OpType::getOperationName()] = std::move(evaluator);
  }
};

void addElementwiseEvaluators(EvaluatorTable &table);
void addShapeEvaluators(EvaluatorTable &table);
void addTransformerEvaluators(EvaluatorTable &table);
void addTrainingEvaluators(EvaluatorTable &table);
void addCollectiveEvaluators(EvaluatorTable &table);

/// What a reduction of `kind` makes of two elements.
double combine(ReductionKind kind, double a, double b);

/// Shape of a result type; empty for scalars and index.
llvm::ArrayRef<int64_t> getTypeShape(mlir::Value value);

} // namespace tpc

#endif // TPC_LIB_INTERPRETER_EVALUATORS_H
