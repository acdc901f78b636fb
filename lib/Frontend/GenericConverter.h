//===- GenericConverter.h - a linalg.generic as ops with sharding rules --------===//
//
// The iteration space of a linalg.generic is a set of loops, each parallel or a reduction, and
// every operand has some of the loops as its dimensions. Three steps give the same value on whole
// tensors:
//
//   1. each operand is transposed to the order of the loops and broadcast along those it lacks;
//   2. the body's scalar ops become elementwise ops on these tensors;
//   3. what the body accumulates is reduced over the reduction loops, and joined with the initial
//      value unless that is the neutral element; the result is transposed to the output's order.
//
// A body that adds up a product of two operands skips 1 and 2: it is a tpc.contract.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_FRONTEND_GENERICCONVERTER_H
#define TPC_LIB_FRONTEND_GENERICCONVERTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "tpc/Dialect/TPCDialect.h"

namespace tpc {

class GenericConverter {
public:
  GenericConverter(mlir::linalg::GenericOp op, mlir::IRRewriter &rewriter)
      : op(op), rewriter(rewriter) {}
  /// Replaces the op, or reports why it has no such form.
  mlir::LogicalResult run();

private:
  mlir::LogicalResult check();
  mlir::LogicalResult convertElementwise();
  mlir::LogicalResult convertReduction();
  /// The value of the body's scalar `scalar` as a tensor over all loops; null, with an error, if an
  /// op on the way has no elementwise form.
  mlir::Value evaluate(mlir::Value scalar, mlir::IRMapping &mapping);
  /// The tensor of operand `number` over all loops.
  mlir::Value spread(unsigned number);
  /// A tensor over the parallel loops in their order, as the output has it.
  mlir::Value arrange(mlir::Value value);
  /// The sum of products as a contraction; null if the body is none.
  mlir::Value contract(mlir::Value accumulated);
  mlir::Value accumulate(ReductionKind kind, mlir::Value value);
  /// One letter per dimension of an operand: 'a' is loop 0.
  std::string getLetters(unsigned operand);

  mlir::linalg::GenericOp op;
  mlir::IRRewriter &rewriter;
  llvm::SmallVector<int64_t> loops; ///< sizes
};

} // namespace tpc

#endif // TPC_LIB_FRONTEND_GENERICCONVERTER_H
