//===- ReshardBound.cpp ---------------------------------------------------===//

#include "ReshardBound.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

using namespace tpc;
using llvm::ArrayRef;

static constexpr double impossible = std::numeric_limits<double>::infinity();
static constexpr unsigned none = ~0u;

ReshardBound::ReshardBound(const CostModel &cost, const AtomTable &atoms, ArrayRef<int64_t> shape,
                           int64_t elementBytes, const ReshardState &target)
    : cost(cost), atoms(atoms), target(target), globalBytes(static_cast<double>(elementBytes)) {
  for (int64_t size : shape)
    globalBytes *= static_cast<double>(size);
  for (unsigned dim = 0; dim < target.getRank(); ++dim)
    targetSizes.push_back(atoms.getSize(target.getDim(dim)));
  targetBytes = getLocalBytes(target);
}

double ReshardBound::getLocalBytes(const ReshardState &state) const {
  return globalBytes / static_cast<double>(atoms.getSize(state.getAtoms()));
}

static size_t getCommonLength(ArrayRef<uint8_t> a, ArrayRef<uint8_t> b) {
  size_t length = 0;
  while (length < std::min(a.size(), b.size()) && a[length] == b[length])
    ++length;
  return length;
}

bool ReshardBound::isBeginning(const ReshardState &state, unsigned dim) const {
  ArrayRef<uint8_t> list = state.getDim(dim);
  return getCommonLength(list, target.getDim(dim)) == list.size();
}

ArrayRef<uint8_t> ReshardBound::getRest(const ReshardState &state, unsigned dim) const {
  return target.getDim(dim).drop_front(state.getDim(dim).size());
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
double ReshardBound::getSlicedParts(const ReshardState &state, unsigned except) const {
  uint32_t unused = atoms.getUnused(state);
  double parts = 1;
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    if (dim == except)
      continue;
    for (uint8_t atom : getRest(state, dim)) {
      if (!(unused >> atom & 1))
        break;
      parts *= static_cast<double>(atoms.getSize(atom));
    }
  }
  return parts;
}

/// Gathers what `wrong` has beyond its target.
double ReshardBound::getGatherSeconds(const ReshardState &state, unsigned wrong) const {
  size_t kept = getCommonLength(state.getDim(wrong), target.getDim(wrong));
  ArrayRef<uint8_t> moved = state.getDim(wrong).drop_front(kept);
  return getSeconds(CollectiveKind::AllGather, atoms.getSize(moved),
                    getLocalBytes(state) / getSlicedParts(state, wrong));
}

/// Moves what `wrong` has beyond its target to the dimension that lacks it. What that dimension
/// lacks behind is best sliced before and moved along, so that the operand is as small as the
/// target; only what `wrong` itself lacks then has to be sliced afterwards.
double ReshardBound::getExchangeSeconds(const ReshardState &state, unsigned wrong) const {
  size_t kept = getCommonLength(state.getDim(wrong), target.getDim(wrong));
  ArrayRef<uint8_t> moved = state.getDim(wrong).drop_front(kept),
                    slicedAfter = target.getDim(wrong).drop_front(kept);
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    if (dim == wrong)
      continue;
    ArrayRef<uint8_t> rest = getRest(state, dim);
    const uint8_t *found = std::search(rest.begin(), rest.end(), moved.begin(), moved.end());
    if (found != rest.end())
      return getSeconds(CollectiveKind::AllToAll, atoms.getSize(ArrayRef(found, rest.end())),
                        targetBytes * static_cast<double>(atoms.getSize(slicedAfter)));
  }
  return impossible;
}

/// All sums at once, every dimension being right but for slices.
double ReshardBound::getReductionSeconds(const ReshardState &state) const {
  uint32_t summed = state.partial & ~target.partial;
  double operand = getLocalBytes(state) / getSlicedParts(state, none);
  bool scatters = false;
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    uint32_t rest = 0;
    for (uint8_t atom : getRest(state, dim))
      rest |= 1u << atom;
    scatters |= (summed & ~rest) == 0;
  }
  return getSeconds(scatters ? CollectiveKind::ReduceScatter : CollectiveKind::AllReduce,
                    atoms.getSize(summed), operand);
}

double ReshardBound::getSecondsOfOne(const ReshardState &state) const {
  unsigned count = 0, wrong = none;
  bool grows = true;
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    grows &= atoms.getSize(state.getDim(dim)) <= targetSizes[dim];
    if (isBeginning(state, dim))
      continue;
    ++count;
    wrong = dim;
  }
  if (reduces(state))
    return count == 0 ? getReductionSeconds(state) : impossible;
  if (count == 0)
    return 0;
  // A permute never makes a dimension's parts fewer.
  double seconds = grows ? getSeconds(CollectiveKind::Permute, 1, targetBytes) : impossible;
  if (count == 1)
    seconds = std::min({seconds, getGatherSeconds(state, wrong), getExchangeSeconds(state, wrong)});
  return seconds;
}

//===----------------------------------------------------------------------===//
// Several
//===----------------------------------------------------------------------===//

/// Bytes of the target shard that the worst placed rank does not hold.
double ReshardBound::getMissingBytes(const ReshardState &state) const {
  double wanted = targetBytes, held = globalBytes;
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    ArrayRef<uint8_t> a = state.getDim(dim), b = target.getDim(dim);
    if (getCommonLength(a, b) < std::min(a.size(), b.size()))
      return wanted; // some rank's two boxes do not meet along this dimension
    held /= static_cast<double>(atoms.getSize(a.size() > b.size() ? a : b));
  }
  return wanted - held;
}

/// Bytes that a rank receives at least where a sum is taken: a scatter of the smallest operand
/// there can be (at best every unused axis splits it), then what the target holds beyond.
double ReshardBound::getReducedBytes(const ReshardState &state) const {
  double ranks = static_cast<double>(atoms.getSize(state.partial & ~target.partial));
  double parts = static_cast<double>(atoms.getSize(atoms.getUnused(state)));
  double operand = getLocalBytes(state) / parts, scattered = operand / ranks;
  return operand - scattered + std::max(0.0, targetBytes - scattered);
}

/// Every dimension with too many parts needs a collective of its own, as only a gather or an
/// exchange makes them fewer, each in one dimension; a permute may mend all others. A sum mends
/// none.
unsigned ReshardBound::getCollectives(const ReshardState &state) const {
  unsigned wrong = 0, shrinking = 0;
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    if (isBeginning(state, dim))
      continue;
    ++wrong;
    shrinking += atoms.getSize(state.getDim(dim)) > targetSizes[dim];
  }
  return shrinking + (wrong > shrinking) + reduces(state);
}

double ReshardBound::getSecondsOfSeveral(const ReshardState &state) const {
  double bytes = reduces(state) ? getReducedBytes(state) : getMissingBytes(state);
  return cost.getLeastLatency() * std::max(getCollectives(state), 2u) +
         cost.getLeastSecondsPerByte() * bytes;
}

double ReshardBound::getSeconds(const ReshardState &state) const {
  return std::min(getSecondsOfOne(state), getSecondsOfSeveral(state));
}
