//===- PaddedSizes.h - which dimensions are padded, and to what -----------------===//
//
// Dimensions that a sharding rule calls one factor must have one size. So dimensions of all values
// of a module form classes (a union-find): joined by the rules, and by the names of parameters and
// inputs that several functions share. A class is padded to a multiple of every number of parts
// that one of its dimensions is split into:
//
//   %y = contract %x [m, k], %w [k, n] -> [m, n]; %w is [{}, {"tp"}] on tp=3, n = 10
//   {%w dim 1, %y dim 1} is one class, padded from 10 to 12; m and k stay
//
// An op that needs a size exactly (Factor::exact) joins nothing: padding is cut off in front of it.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_PARTITION_PADDEDSIZES_H
#define TPC_LIB_PARTITION_PADDEDSIZES_H

#include "tpc/Partition/MeshContext.h"
#include "llvm/ADT/StringMap.h"

namespace tpc {

class PaddedSizes {
public:
  /// Reads the layouts and rules of `functions`, where every tensor has a layout.
  PaddedSizes(llvm::ArrayRef<mlir::func::FuncOp> functions, const MeshContext &context);

  // All sizes are those that were read: they stay what they are while types are rewritten.

  /// The size of a dimension with and without padding.
  int64_t get(mlir::Value value, unsigned dim) const;
  int64_t getLogical(mlir::Value value, unsigned dim) const;
  /// The shape with padding.
  llvm::SmallVector<int64_t> getShape(mlir::Value value) const;
  /// The dimensions that have padding; none of a value that is no tensor.
  llvm::SmallVector<unsigned> getPaddedDims(mlir::Value value) const;

  struct Class {
    int64_t size, padded;
    mlir::Value value; ///< and `dim`: the first of its dimensions, a parameter's if it has one
    unsigned dim;
  };
  /// The classes that are padded, in program order.
  std::vector<Class> getPadded() const;

  /// The dimensions of a new value are padded as those of `like`.
  void setAlike(mlir::Value value, mlir::Value like);
  /// From now on these dimensions of `value` are not padded.
  void setExact(mlir::Value value, llvm::ArrayRef<unsigned> dims);

private:
  void addFunction(mlir::func::FuncOp function);
  void addSharedValue(llvm::StringRef name, mlir::Value value);
  void addReturned(mlir::func::FuncOp function, unsigned number, mlir::Value value);
  void addOp(mlir::Operation *op);
  void addLayout(mlir::Value value, LayoutAttr layout);

  unsigned getNode(mlir::Value value, unsigned dim);
  unsigned getRoot(unsigned node) const;
  void join(unsigned a, unsigned b);
  void joinValues(mlir::Value a, mlir::Value b);

  struct Node {
    unsigned parent;
    mlir::Value value;
    unsigned dim;
    int64_t size;         ///< without padding
    int64_t multiple = 1; ///< of a root: what the padded size is a multiple of
  };
  const MeshContext &context;
  std::vector<Node> nodes;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, unsigned> numbers;
  llvm::StringMap<mlir::Value> shared; ///< parameters and inputs by name
};

} // namespace tpc

#endif // TPC_LIB_PARTITION_PADDEDSIZES_H
