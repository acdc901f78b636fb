//===- ReshardBound.cpp ---------------------------------------------------===//

#include "ReshardBound.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

using namespace tpc;
using llvm::ArrayRef;

static constexpr double impossible = std::numeric_limits<double>::infinity();
static constexpr unsigned none = ~0u;

ReshardBound::ReshardBound(const CostModel &cost, const AtomTable &atoms, ArrayRef<int64_t> shape,
                           int64_t elementBytes)
    : cost(cost), atoms(atoms), globalBytes(static_cast<double>(elementBytes)) {
  for (int64_t size : shape)
    globalBytes *= static_cast<double>(size);
}

double ReshardBound::getLocalBytes(const ReshardState &state) const {
  double parts = 1;
  for (const AtomList &list : state.dims)
    parts *= static_cast<double>(atoms.getSize(list));
  return globalBytes / parts;
}

static size_t getCommonLength(const AtomList &a, const AtomList &b) {
  size_t length = 0;
  while (length < std::min(a.size(), b.size()) && a[length] == b[length])
    ++length;
  return length;
}

/// Is the dimension already the beginning of what it shall be?
static bool isBeginning(const AtomList &list, const AtomList &of) {
  return getCommonLength(list, of) == list.size();
}

/// What slices still have to add to a dimension that is the beginning of its target.
static ArrayRef<uint8_t> getRest(const ReshardState &state, const ReshardState &target,
                                 unsigned dim) {
  return ArrayRef<uint8_t>(target.dims[dim]).drop_front(state.dims[dim].size());
}

//===----------------------------------------------------------------------===//
// One collective
//===----------------------------------------------------------------------===//

double ReshardBound::getSeconds(CollectiveKind kind, int64_t groupSize, double operandBytes) const {
  return cost.getLeastLatency() +
         cost.getLeastSecondsPerByte() * getReceivedBytes(kind, groupSize, operandBytes);
}

/// By how much slices towards the target can make the operand of a collective smaller: in every
/// dimension but `except` the atoms at hand, up to the first that is not.
double ReshardBound::getSlicedParts(const ReshardState &state, const ReshardState &target,
                                    unsigned except) const {
  uint32_t unused = atoms.getUnused(state);
  double parts = 1;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    if (dim == except)
      continue;
    for (uint8_t atom : getRest(state, target, dim)) {
      if (!(unused >> atom & 1))
        break;
      parts *= static_cast<double>(atoms.getSize(atom));
    }
  }
  return parts;
}

/// Gathers what `wrong` has beyond its target.
double ReshardBound::getGatherSeconds(const ReshardState &state, const ReshardState &target,
                                      unsigned wrong) const {
  size_t kept = getCommonLength(state.dims[wrong], target.dims[wrong]);
  ArrayRef<uint8_t> moved = ArrayRef<uint8_t>(state.dims[wrong]).drop_front(kept);
  return getSeconds(CollectiveKind::AllGather, atoms.getSize(moved),
                    getLocalBytes(state) / getSlicedParts(state, target, wrong));
}

/// Moves what `wrong` has beyond its target to the dimension that lacks it. What that dimension
/// lacks behind is best sliced before and moved along, so that the operand is as small as the
/// target; only what `wrong` itself lacks then has to be sliced afterwards.
double ReshardBound::getExchangeSeconds(const ReshardState &state, const ReshardState &target,
                                        unsigned wrong) const {
  size_t kept = getCommonLength(state.dims[wrong], target.dims[wrong]);
  ArrayRef<uint8_t> moved = ArrayRef<uint8_t>(state.dims[wrong]).drop_front(kept),
                    slicedAfter = ArrayRef<uint8_t>(target.dims[wrong]).drop_front(kept);
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    if (dim == wrong)
      continue;
    ArrayRef<uint8_t> rest = getRest(state, target, dim);
    const uint8_t *found = std::search(rest.begin(), rest.end(), moved.begin(), moved.end());
    if (found != rest.end())
      return getSeconds(CollectiveKind::AllToAll, atoms.getSize(ArrayRef(found, rest.end())),
                        getLocalBytes(target) * static_cast<double>(atoms.getSize(slicedAfter)));
  }
  return impossible;
}

/// All sums at once, every dimension being right but for slices.
double ReshardBound::getReductionSeconds(const ReshardState &state,
                                         const ReshardState &target) const {
  uint32_t summed = state.partial & ~target.partial;
  double operand = getLocalBytes(state) / getSlicedParts(state, target, none);
  bool scatters = false;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    uint32_t rest = 0;
    for (uint8_t atom : getRest(state, target, dim))
      rest |= 1u << atom;
    scatters |= (summed & ~rest) == 0;
  }
  return getSeconds(scatters ? CollectiveKind::ReduceScatter : CollectiveKind::AllReduce,
                    atoms.getSize(summed), operand);
}

double ReshardBound::getSecondsOfOne(const ReshardState &state, const ReshardState &target) const {
  unsigned count = 0, wrong = none;
  bool grows = true;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    grows &= atoms.getSize(state.dims[dim]) <= atoms.getSize(target.dims[dim]);
    if (isBeginning(state.dims[dim], target.dims[dim]))
      continue;
    ++count;
    wrong = dim;
  }
  if ((state.partial & ~target.partial) != 0)
    return count == 0 ? getReductionSeconds(state, target) : impossible;
  if (count == 0)
    return 0;
  // A permute never makes a dimension's parts fewer.
  double seconds =
      grows ? getSeconds(CollectiveKind::Permute, 1, getLocalBytes(target)) : impossible;
  if (count == 1)
    seconds = std::min({seconds, getGatherSeconds(state, target, wrong),
                        getExchangeSeconds(state, target, wrong)});
  return seconds;
}

//===----------------------------------------------------------------------===//
// Several
//===----------------------------------------------------------------------===//

/// Bytes of the target shard that the worst placed rank does not hold.
double ReshardBound::getMissingBytes(const ReshardState &state, const ReshardState &target) const {
  double wanted = getLocalBytes(target), held = globalBytes;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    const AtomList &a = state.dims[dim], &b = target.dims[dim];
    if (getCommonLength(a, b) < std::min(a.size(), b.size()))
      return wanted; // some rank's two boxes do not meet along this dimension
    held /= static_cast<double>(atoms.getSize(a.size() > b.size() ? a : b));
  }
  return wanted - held;
}

/// Bytes that a rank receives at least where a sum is taken: a scatter of the smallest operand
/// there can be (at best every unused axis splits it), then what the target holds beyond.
double ReshardBound::getReducedBytes(const ReshardState &state, const ReshardState &target) const {
  double ranks = static_cast<double>(atoms.getSize(state.partial & ~target.partial));
  double parts = static_cast<double>(atoms.getSize(atoms.getUnused(state)));
  double operand = getLocalBytes(state) / parts, scattered = operand / ranks;
  return operand - scattered + std::max(0.0, getLocalBytes(target) - scattered);
}

double ReshardBound::getSecondsOfSeveral(const ReshardState &state,
                                         const ReshardState &target) const {
  bool reduces = (state.partial & ~target.partial) != 0;
  unsigned wrong = 0;
  bool shrinks = false;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    wrong += !isBeginning(state.dims[dim], target.dims[dim]);
    shrinks |= atoms.getSize(state.dims[dim]) > atoms.getSize(target.dims[dim]);
  }
  // A sum mends no dimension, and only a permute mends two.
  unsigned latencies = reduces && wrong > 1 && shrinks ? 3 : 2;
  double bytes = reduces ? getReducedBytes(state, target) : getMissingBytes(state, target);
  return cost.getLeastLatency() * latencies + cost.getLeastSecondsPerByte() * bytes;
}

double ReshardBound::getSeconds(const ReshardState &state, const ReshardState &target) const {
  return std::min(getSecondsOfOne(state, target), getSecondsOfSeveral(state, target));
}
