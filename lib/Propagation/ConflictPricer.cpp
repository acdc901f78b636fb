//===- ConflictPricer.cpp -------------------------------------------------===//

#include "tpc/Propagation/ConflictPricer.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

/// The axes of a tensor's factors after `axis` went from `loser` to `winner`; what is minor to it
/// goes, too.
static SmallVector<AxisList, 6> moveAxis(const GraphOp &op, unsigned tensor,
                                         const FactorLayout &layout, unsigned loser,
                                         unsigned winner, const AxisRef &axis) {
  SmallVector<AxisList, 6> axes(layout.axes.begin(), layout.axes.end());
  auto *position =
      llvm::find_if(axes[loser], [&](const AxisRef &own) { return own.overlaps(axis); });
  axes[loser].truncate(position - axes[loser].begin());
  if (hasFactor(op.getMapping(tensor), winner))
    axes[winner].push_back(axis);
  return axes;
}

/// `shape` padded to what both layouts divide.
static SmallVector<int64_t> getPaddedShape(ArrayRef<int64_t> shape, const Layout &from,
                                           const Layout &to) {
  SmallVector<int64_t> padded(shape);
  for (auto [size, a, b] : llvm::zip_equal(padded, from.dims, to.dims))
    size = llvm::alignTo(size, std::lcm(getSize(a), getSize(b)));
  return padded;
}

double ConflictPricer::getSeconds(const GraphOp &op, ArrayRef<TensorFactors> tensors,
                                  const PropagationGraph &graph, unsigned loser, unsigned winner,
                                  const AxisRef &axis) {
  double seconds = 0;
  for (unsigned tensor = 0; tensor < tensors.size(); ++tensor) {
    const FactorLayout &own = tensors[tensor].layout;
    bool splits =
        llvm::any_of(own.axes[loser], [&](const AxisRef &other) { return other.overlaps(axis); });
    if (!splits || op.tensors[tensor] < 0)
      continue;
    const GraphValue &value = graph.values[op.tensors[tensor]];
    Layout moved = unprojectLayout(op.rule, op.getMapping(tensor),
                                   moveAxis(op, tensor, own, loser, winner, axis), graph.mesh)
                       .layout;
    Layout from = value.layout;
    from.open.clear();
    if (tensor >= op.numOperands) // a result is computed as the winner says, then moved
      std::swap(from, moved);
    int64_t elementBytes = llvm::divideCeil(value.type.getElementTypeBitWidth(), 8u);
    llvm::Expected<ReshardPlan> plan =
        planner.plan(getPaddedShape(value.type.getShape(), from, moved), elementBytes, from, moved);
    if (plan)
      seconds += tpc::getSeconds(*plan);
    else // this way is closed
      seconds += (llvm::consumeError(plan.takeError()), std::numeric_limits<double>::infinity());
  }
  return seconds;
}
