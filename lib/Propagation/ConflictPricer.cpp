//===- ConflictPricer.cpp -------------------------------------------------===//

#include "tpc/Propagation/ConflictPricer.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace tpc;

bool tpc::isCheaper(double seconds, double others) { return seconds < others * (1 - 1e-9); }

static bool overlapsAny(ArrayRef<AxisRef> axes, const AxisRef &axis) {
  return llvm::any_of(axes, [&](const AxisRef &other) { return other.overlaps(axis); });
}

/// Takes the first axis that is one of `others`, and what is minor to it, out of a list.
static void truncate(AxisList &axes, ArrayRef<AxisRef> others) {
  auto *first = llvm::find_if(axes, [&](const AxisRef &own) { return overlapsAny(others, own); });
  axes.truncate(first - axes.begin());
}

/// The axes of a tensor's factors after `winner` has its way; nothing if nothing changes.
static std::optional<SmallVector<AxisList, 6>> giveWay(const GraphOp &op, unsigned tensor,
                                                       ArrayRef<TensorFactors> tensors,
                                                       const FactorClaim &loser,
                                                       const FactorClaim &winner) {
  const AxisList &wanted = tensors[winner.tensor].layout.axes[winner.factor];
  auto own = tensors[tensor].layout.axes;
  SmallVector<AxisList, 6> axes(own.begin(), own.end());
  AxisList &lost = axes[loser.factor];
  if (loser.factor == winner.factor) {
    if (lost.empty() || areCompatible(lost, wanted))
      return std::nullopt;
    for (AxisList &list : axes)
      truncate(list, wanted);
    lost = wanted;
    return axes;
  }
  auto *axis = llvm::find_if(lost, [&](const AxisRef &a) { return overlapsAny(wanted, a); });
  if (axis == lost.end())
    return std::nullopt;
  AxisRef moved = *axis;
  truncate(lost, wanted);
  if (hasFactor(op.getMapping(tensor), winner.factor))
    axes[winner.factor].push_back(moved);
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
                                  const PropagationGraph &graph, const FactorClaim &loser,
                                  const FactorClaim &winner) {
  double seconds = 0;
  for (unsigned tensor = 0; tensor < tensors.size(); ++tensor) {
    if (op.tensors[tensor] < 0)
      continue;
    std::optional<SmallVector<AxisList, 6>> axes = giveWay(op, tensor, tensors, loser, winner);
    if (!axes)
      continue;
    RankedTensorType type = graph.values[op.tensors[tensor]].type;
    const TensorMapping &mapping = op.getMapping(tensor);
    Layout from = unprojectLayout(op.rule, mapping, tensors[tensor].layout.axes, graph.mesh).layout;
    Layout moved = unprojectLayout(op.rule, mapping, *axes, graph.mesh).layout;
    if (tensor >= op.numOperands) // a result is computed as the winner says, then moved
      std::swap(from, moved);
    int64_t elementBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8u);
    llvm::Expected<ReshardPlan> plan =
        planner.plan(getPaddedShape(type.getShape(), from, moved), elementBytes, from, moved);
    if (plan)
      seconds += tpc::getSeconds(*plan);
    else // this way is closed
      seconds += (llvm::consumeError(plan.takeError()), std::numeric_limits<double>::infinity());
  }
  return seconds;
}
