//===- FactorProjection.cpp -----------------------------------------------===//

#include "tpc/Sharding/FactorProjection.h"
#include "llvm/ADT/STLExtras.h"
#include <deque>
#include <numeric>

using namespace tpc;
using llvm::ArrayRef;

namespace {
/// Deals the axes of one dimension out to its factors.
class DimensionProjector {
public:
  DimensionProjector(ArrayRef<AxisRef> axes, FactorLayout &result)
      : pending(axes.begin(), axes.end()), result(result) {}

  /// Fills a factor that is followed by others: it takes axes, or parts of one, until it is full.
  bool fill(unsigned factor, int64_t remaining) {
    while (remaining > 1 && !pending.empty()) {
      AxisRef &front = pending.front();
      int64_t taken = std::gcd(remaining, front.size);
      bool endsFactor = taken == remaining, endsAxis = taken == front.size;
      if (!endsFactor && !endsAxis)
        return false;
      result.axes[factor].push_back({front.axis, front.pre, taken});
      remaining /= taken;
      front = {front.axis, front.pre * taken, front.size / taken};
      if (front.size == 1)
        pending.pop_front();
    }
    return true;
  }

  void takeRest(unsigned factor) {
    result.axes[factor].append(pending.begin(), pending.end());
    pending.clear();
  }

  void misplaceRest() {
    result.misplaced.append(pending.begin(), pending.end());
    pending.clear();
  }

private:
  std::deque<AxisRef> pending;
  FactorLayout &result;
};
} // namespace

FactorLayout tpc::projectLayout(const ShardingRule &rule, const TensorMapping &mapping,
                                const Layout &layout, const Mesh &mesh) {
  FactorLayout result;
  result.axes.resize(rule.factors.size());
  for (unsigned dim = 0; dim < mapping.size(); ++dim) {
    DimensionProjector projector(layout.dims[dim], result);
    ArrayRef<unsigned> factors = mapping[dim];
    bool fits = !factors.empty();
    for (unsigned factor : factors.drop_back(factors.empty() ? 0 : 1))
      fits = fits && projector.fill(factor, rule.factors[factor].size);
    if (fits)
      projector.takeRest(factors.back());
    projector.misplaceRest();
  }
  for (AxisList &axes : result.axes)
    axes = getCanonical(axes, mesh);
  return result;
}

DimensionLayout tpc::unprojectLayout(const ShardingRule &rule, const TensorMapping &mapping,
                                     ArrayRef<AxisList> factorAxes, const Mesh &mesh) {
  DimensionLayout result;
  result.layout = Layout::replicated(mapping.size());
  for (unsigned dim = 0; dim < mapping.size(); ++dim) {
    AxisList axes;
    bool full = true;
    for (unsigned factor : mapping[dim]) {
      AxisList &target = full ? axes : result.misplaced;
      target.append(factorAxes[factor].begin(), factorAxes[factor].end());
      full = full && getSize(factorAxes[factor]) == rule.factors[factor].size;
    }
    result.layout.dims[dim] = getCanonical(axes, mesh);
  }
  return result;
}

bool tpc::hasFactor(const TensorMapping &mapping, unsigned factor) {
  return llvm::any_of(mapping,
                      [&](ArrayRef<unsigned> dim) { return llvm::is_contained(dim, factor); });
}
