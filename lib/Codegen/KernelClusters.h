//===- KernelClusters.h - which ops of a block share a kernel ------------------===//
//
// Every op of Placement::Grid or Alone starts as a cluster; clusters of one space merge along
// producer-consumer edges and then between neighbours that read the same tensor, as long as no path
// leaves a merged cluster and comes back (a kernel needs all its operands before it starts). A
// reduction down columns takes only producers that nobody else needs. Broadcast scalars do not
// merge: computing a scalar is no reason to run a large kernel on one thread.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_CODEGEN_KERNELCLUSTERS_H
#define TPC_LIB_CODEGEN_KERNELCLUSTERS_H

#include "KernelSpace.h"
#include "llvm/ADT/DenseMap.h"

namespace tpc {

class KernelClusters {
public:
  /// Clusters the ops of `block`; inline ops belong to none.
  explicit KernelClusters(mlir::Block &block);

  /// Units in an order in which every operand is computed before it is used: the ops of a cluster
  /// in program order, or one op that stays in the entry.
  std::vector<llvm::SmallVector<mlir::Operation *>> getSchedule();

  /// The cluster of an op; ops of the entry have one of their own.
  int find(mlir::Operation *op);

  /// Computes a value that several clusters need again in each of them, if it is a function of one
  /// other tensor: then a kernel reads that tensor instead, and the value need not be kept
  /// (exp(-gate) between forward and backward). Erases what nobody needs any more.
  void recomputeUnaryValues();

  /// Looks through an inline broadcast to the value that is computed.
  static mlir::Value getSource(mlir::Value value);

private:
  struct Cluster {
    llvm::SmallVector<mlir::Operation *> ops;
    std::optional<KernelSpace> space; ///< none: nothing merges with it
    int position = 0;                 ///< in `order`
    bool marked = false;              ///< by the search that is going on
  };

  void addOp(mlir::Operation *op);
  void recomputeOperand(mlir::OpOperand &operand);
  /// The one tensor that `value` is an elementwise function of, apart from constants and scalars;
  /// `value` itself if it is a function of several or of none.
  mlir::Value getOnlySource(mlir::Value value);
  mlir::Value findOnlySource(mlir::Operation *op);
  void eraseUnused();
  void absorbColumnProducers(mlir::Operation *reduce);
  void mergeProducers(mlir::Operation *op);
  void mergeSiblings(mlir::Operation *op);
  bool tryMerge(int first, int second);
  std::optional<llvm::SmallVector<int>> getBetween(int from, int to);
  void reorder(int first, llvm::ArrayRef<int> between);
  void merge(int first, int second, KernelSpace space);
  llvm::SmallVector<int> getPredecessors(int cluster);
  int resolve(int cluster);

  std::vector<Cluster> clusters;
  std::vector<int> parents; ///< union-find
  /// Clusters such that each stands behind all that it depends on; a merge moves what the later one
  /// depends on to the earlier one (dynamic topological order: Pearce and Kelly 2006) and leaves
  /// its place to a cluster without ops, so that its price does not grow with the program.
  std::vector<int> order;
  llvm::DenseMap<mlir::Operation *, int> index;
  /// By what getOnlySource was asked: recomputing an operand does not change what it is a function
  /// of.
  llvm::DenseMap<mlir::Value, mlir::Value> onlySources;
};

} // namespace tpc

#endif // TPC_LIB_CODEGEN_KERNELCLUSTERS_H
