//===- GraphGenerator.h - random global programs ---------------------------------===//
//
// A program grows op by op from a pool of values. Of every float value two numbers are known:
// elements are at most `bound` in magnitude, and multiples of `grain` (a power of two). While bound
// / grain stays below the element type's number of digits, sums come out the same in any order, so
// that a partitioned program must give the very same bits.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_FUZZ_GRAPHGENERATOR_H
#define TPC_FUZZ_GRAPHGENERATOR_H

#include "FuzzCase.h"
#include "LayoutGenerator.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tpc::fuzz {

struct CaseOptions {
  uint64_t seed = 0;
  uint64_t index = 0;
  int64_t maxRanks = 8;
};

/// The case `options.index` of the seed: a function of `options` alone.
FuzzCase generateCase(mlir::MLIRContext &context, const CaseOptions &options);

/// A value and what is known of its elements.
struct Term {
  mlir::Value value;
  double bound = 0;
  double grain = 0; ///< 0: rounded, so that partitioned programs may differ in the last digits

  mlir::RankedTensorType getType() const {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }
  llvm::ArrayRef<int64_t> getShape() const { return getType().getShape(); }
  int64_t getRank() const { return getType().getRank(); }
};

/// One function under construction; what op makers (OpMakers.h) work with.
class Graph {
public:
  Graph(mlir::func::FuncOp function, LayoutGenerator &layouts, Random &random, bool exact,
        int64_t ids);

  /// Adds ops until there are about `count`.
  void grow(int64_t count);
  /// Returns values nobody uses and some others; layouts of arguments and results are drawn.
  void finish();
  /// Returns one scalar that every float value goes into, as tpc-differentiate wants it.
  void finishAsLoss();

  //===-- values at hand --------------------------------------------------------===//
  /// A float value whose rank is in [minRank, maxRank]: an argument where there is none.
  Term pickFloat(int64_t minRank = 0, int64_t maxRank = 5);
  /// A float value of this very shape: one at hand, a constant or an argument.
  Term pickLike(llvm::ArrayRef<int64_t> shape);
  /// An i1 tensor of this shape, computed where there is none.
  mlir::Value pickMask(llvm::ArrayRef<int64_t> shape);
  /// i32 ids below `getIds()`, sometimes computed.
  mlir::Value pickIds(llvm::ArrayRef<int64_t> shape);

  //===-- new values ------------------------------------------------------------===//
  /// Multiples of 1/4 in [-2, 2].
  Term addArgument(llvm::ArrayRef<int64_t> shape);
  /// A parameter behind its `tpc.use`.
  Term addParameter(llvm::ArrayRef<int64_t> shape);
  Term addConstant(llvm::ArrayRef<int64_t> shape, double value);
  mlir::Value addIds(llvm::ArrayRef<int64_t> shape);
  /// Puts a value into the pool, sometimes behind a constraint.
  void define(mlir::Value value, double bound, double grain);

  //===-- what is allowed -------------------------------------------------------===//
  /// May a value have these numbers?
  bool fits(double bound, double grain) const;
  /// Is a tensor of this shape small enough?
  static bool isSmall(llvm::ArrayRef<int64_t> shape);
  int64_t drawSize() { return random.pick(sizes); }
  llvm::SmallVector<int64_t> drawShape(int64_t minRank, int64_t maxRank);
  mlir::RankedTensorType getType(llvm::ArrayRef<int64_t> shape) const {
    return mlir::RankedTensorType::get(shape, element);
  }
  mlir::Type getElement() const { return element; }
  bool isExact() const { return exact; }
  int64_t getIds() const { return ids; }

  mlir::OpBuilder builder;
  mlir::Location loc;
  Random &random;

private:
  mlir::Value addRawArgument(mlir::Type type);
  mlir::Value constrain(mlir::Value value);
  void layOutArguments();
  llvm::SmallVector<mlir::Value> chooseResults();
  void eraseUnusedParameters();
  void setReturned(mlir::ValueRange results);

  mlir::func::FuncOp function;
  LayoutGenerator &layouts;
  bool exact;
  bool deep; ///< a long chain rather than a wide graph
  int64_t ids;
  double digits; ///< largest bound / grain
  mlir::Type element;
  llvm::SmallVector<int64_t> sizes; ///< of dimensions, few, so that shapes match
  std::vector<Term> pool;
  unsigned numParameters = 0;
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_GRAPHGENERATOR_H
