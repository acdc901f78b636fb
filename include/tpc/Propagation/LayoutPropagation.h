//===- LayoutPropagation.h - sweeps over a function to a fixed point -------===//
//
// Worked example, tp=2, the second half of an MLP whose result a user wants split along the
// sequence:
//
//   %y = contract %a [b, s, f], %w [n, f] -> [b, s, n]     %a has f on "tp", %w has f on "tp"
//   %z = constrain %y to Shard(1)
//
// The forward sweep leaves %y whole: it lacks f. The backward sweep asks %y to split s, which it
// does, and then %a to split s, which cannot: f has the axis. That claim is a conflict, and what
// becomes of it (a reduce-scatter of %y) is not decided here.
//
// Where one axis is wanted for two factors of an op, the first claim (ClaimOrder.h) is the only one
// that spreads there. In an embedding with its rows on "tp" whose result is asked to split the
// sequence, the ids stay whole.
//
// Nothing depends on the order in which the program is written. Forward sweeps visit ops by depth;
// an op sees all its operands and writes its own results only. Backward sweeps visit ops from the
// deepest; what they would have their operands take over waits until all users of a value have
// spoken, and is then decided together (ValueClaims.h), for all values of one depth at once.
//
// A sum that linear ops merely pass on (the cotangents of q, k and v on their way to one another)
// is formed once, behind the last of them: what inherits it does not take its axes for a dimension.
//
// An op is looked at again only if one of its tensors has changed, and tensors only ever take more
// axes, so the work grows linearly with the number of ops.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_PROPAGATION_LAYOUTPROPAGATION_H
#define TPC_PROPAGATION_LAYOUTPROPAGATION_H

#include "tpc/Propagation/ValueClaims.h"
#include <map>
#include <set>

namespace tpc {

enum class SweepDirection { Forward, Backward };

/// One dimension of a value took over axes.
struct LayoutDecision {
  unsigned value, dim;
  AxisList axes;   ///< all axes of the dimension afterwards
  unsigned op;     ///< where it happened
  unsigned source; ///< tensor of the op (operands, then results) that had them
  SweepDirection direction;
  unsigned round;
};

/// A claim that a tensor could not take over, or that the target's own claim beat; the factors and
/// tensors are those of `op`.
struct LayoutConflict {
  unsigned op;
  FactorConflict claim;
  ConflictGrounds grounds;
};

/// Closes the layouts of a graph.
class LayoutPropagation {
public:
  /// Conflicts of equal priority in the forward program are decided by `pricer`.
  LayoutPropagation(PropagationGraph &graph, ConflictPricer &pricer)
      : graph(graph), pricer(pricer) {}
  void run();

  unsigned getNumRounds() const { return round; }
  llvm::ArrayRef<LayoutDecision> getDecisions() const { return decisions; }
  llvm::ArrayRef<LayoutConflict> getConflicts() const { return conflicts; }

private:
  /// What propagates together: 0 pass-through factors, 1 reductions as well, 2 broadcasts as well.
  enum Level { PassThrough, Reductions, Broadcasts, NumLevels };

  void settle(ProgramPhase phase);
  void enqueueLevel(ProgramPhase phase);
  void sweep();
  void visit(unsigned op, SweepDirection direction);
  void visitDeepest();
  void decideDeepest();
  bool isDue(const GraphOp &op) const { return level == Broadcasts || !op.repeats; }
  llvm::SmallVector<TensorFactors, 6> project(const GraphOp &op, SweepDirection direction) const;
  bool takesOver(const GraphOp &op, unsigned tensor, SweepDirection direction) const;
  void dropBeatenClaims(unsigned op, llvm::ArrayRef<FactorClaim> claims, ClaimOrder &order,
                        llvm::MutableArrayRef<TensorFactors> tensors, SweepDirection direction);
  void updatePartial(unsigned op, llvm::ArrayRef<TensorFactors> tensors);
  void updateResults(unsigned op, llvm::ArrayRef<TensorFactors> before,
                     llvm::ArrayRef<TensorFactors> after);
  void claimOperands(unsigned op, llvm::ArrayRef<TensorFactors> before,
                     llvm::ArrayRef<TensorFactors> after);
  void decide(unsigned value, std::vector<ValueClaim> &claims);
  void record(unsigned value, unsigned dim, const AxisList &axes, unsigned op, unsigned source,
              SweepDirection direction);
  void recordConflict(unsigned op, const FactorConflict &claim, const ConflictGrounds &grounds);
  void recordConflicts(unsigned op, llvm::ArrayRef<FactorConflict> conflicts,
                       llvm::ArrayRef<FactorClaim> claims, ClaimOrder &order,
                       llvm::ArrayRef<TensorFactors> before);
  void recordLost(const ValueDecision::Lost &lost);
  /// Only requests are priced, not what follows from them for gradients.
  ConflictPricer *getPricer() { return phase == ProgramPhase::Forward ? &pricer : nullptr; }
  bool isOpen(unsigned op, unsigned tensor) const;
  void enqueue(unsigned op);
  void enqueueUsers(unsigned value);
  void close(ProgramPhase phase);

  PropagationGraph &graph;
  ConflictPricer &pricer;
  std::set<std::pair<unsigned, unsigned>> forward, backward; ///< depths and ops to visit
  /// What users want of values, by their depths and numbers.
  std::map<std::pair<unsigned, unsigned>, std::vector<ValueClaim>> pending;
  std::set<std::tuple<unsigned, unsigned, unsigned, AxisRef>> known; ///< conflicts already recorded
  ProgramPhase phase = ProgramPhase::Forward;
  Level level = PassThrough;
  unsigned round = 0;
  std::vector<LayoutDecision> decisions;
  std::vector<LayoutConflict> conflicts;
};

} // namespace tpc

#endif // TPC_PROPAGATION_LAYOUTPROPAGATION_H
