//===- PropagationGraph.h - a function as layout propagation sees it -------===//
//
// Values with what is known of their layouts, ops with their rules, both in program order and by
// number. What the user fixed is closed from the start: layouts of arguments and results,
// constraints, uses of parameters.
//
// A function result with a layout of its own is a value too: an identity (the return) leads to it
// from the value that is returned.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_PROPAGATIONGRAPH_H
#define TPC_PROPAGATION_PROPAGATIONGRAPH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tpc/Dialect/TPCDialect.h"
#include "tpc/Propagation/LayoutReader.h"
#include <vector>

namespace tpc {

/// The programs of a training step; each is settled before the next is looked at.
enum class ProgramPhase { Forward, Backward, Update };

/// Says that an op belongs to a later phase than Forward (unit attributes).
inline constexpr llvm::StringLiteral kBackwardMark = "tpc.backward";
inline constexpr llvm::StringLiteral kUpdateMark = "tpc.update";
ProgramPhase getMarkedPhase(mlir::Operation *op);

/// Whose claims go first. Parameters are not moved for an activation's sake.
enum class ClaimPriority { Derived, Requested, Parameter };

struct GraphValue {
  mlir::Value value; ///< null for a function result
  mlir::RankedTensorType type;
  Layout layout; ///< so far; `layout.open` says which dimensions may take more
  ClaimPriority priority;
  bool forwardOnly; ///< takes over from its own op only, never from its users
  ProgramPhase phase;
  llvm::SmallVector<unsigned, 4> ops; ///< its own op and its users, ascending
  /// Axes over which the value will be a sum as its op leaves it, and those of them that it only
  /// inherits from its op's operands: these are not free for its dimensions, as the sum is formed
  /// once, behind the last of the linear ops.
  AxisList partial, inherited;
  unsigned depth = 0; ///< of the op that made it; 0 for arguments
};

struct GraphOp {
  mlir::Operation *op;
  ShardingRule rule;
  /// Numbers of the values, operands before results; -1 for what is no tensor.
  llvm::SmallVector<int, 6> tensors;
  unsigned numOperands;
  ProgramPhase phase;
  bool repeats;     ///< a broadcast or a constant: its result has values to spare on every rank
  bool forwardOnly; ///< nothing flows from its results to its operands
  /// Ops on the longest way from the arguments to this one, itself included; as the order of visits
  /// it is the same for all orders in which a program can be written.
  unsigned depth = 0;
  llvm::SmallVector<unsigned, 6> factorRanks = {}; ///< see rankFactors

  const TensorMapping &getMapping(unsigned tensor) const {
    return tensor < numOperands ? rule.operands[tensor] : rule.results[tensor - numOperands];
  }
};

struct PropagationGraph {
  Mesh mesh;
  AxisList storageAxes; ///< not in the result of tpc.use
  std::vector<GraphValue> values;
  std::vector<GraphOp> ops;
  llvm::DenseMap<mlir::Value, unsigned> numbers;
  /// Per function result its value, or -1 where it lies as what is returned.
  llvm::SmallVector<int> results;
};

/// The graph of one function with a body. Errors are emitted at the op or argument at fault: an op
/// without a rule, a layout that is not on the mesh or Partial.
llvm::FailureOr<PropagationGraph> buildPropagationGraph(mlir::func::FuncOp function,
                                                        const LayoutReader &reader,
                                                        const ParameterLayouts &parameters,
                                                        llvm::ArrayRef<AxisRef> storageAxes);

} // namespace tpc

#endif // TPC_PROPAGATION_PROPAGATIONGRAPH_H
