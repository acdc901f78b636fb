//===- ReshardState.h - a layout inside the planner ----------------------------===//
//
// Inside the planner a mesh axis is cut into atoms, and a layout is what every dimension lists of
// these, major to minor, and which of them are Partial. A search makes thousands of states, so all
// lists lie in one array, behind where each of them ends.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_RESHARDSTATE_H
#define TPC_LIB_SHARDING_RESHARDSTATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace tpc {

using AtomList = llvm::SmallVector<uint8_t, 4>;

class ReshardState {
public:
  explicit ReshardState(unsigned rank = 0, uint32_t partial = 0)
      : partial(partial), rank(rank), bytes(rank, 0) {}

  unsigned getRank() const { return rank; }
  /// What splits a dimension, major to minor.
  llvm::ArrayRef<uint8_t> getDim(unsigned dim) const {
    unsigned begin = dim == 0 ? 0 : bytes[dim - 1];
    return llvm::ArrayRef<uint8_t>(bytes).slice(rank + begin, bytes[dim] - begin);
  }
  /// What splits any dimension.
  llvm::ArrayRef<uint8_t> getAtoms() const {
    return llvm::ArrayRef<uint8_t>(bytes).drop_front(rank);
  }
  /// `atoms` become the minor-most of a dimension; they must not be part of this state.
  void append(unsigned dim, llvm::ArrayRef<uint8_t> atoms) {
    bytes.insert(bytes.begin() + rank + bytes[dim], atoms.begin(), atoms.end());
    for (unsigned next = dim; next < rank; ++next)
      bytes[next] += atoms.size();
  }
  /// The minor-most `count` atoms leave a dimension.
  void dropBack(unsigned dim, unsigned count) {
    auto end = bytes.begin() + rank + bytes[dim];
    bytes.erase(end - count, end);
    for (unsigned next = dim; next < rank; ++next)
      bytes[next] -= count;
  }
  /// Every atom of the dimensions, in order, becomes `get` of it.
  void rename(llvm::function_ref<uint8_t(uint8_t)> get) {
    for (size_t i = rank; i < bytes.size(); ++i)
      bytes[i] = get(bytes[i]);
  }

  bool operator==(const ReshardState &other) const {
    return partial == other.partial && rank == other.rank && bytes == other.bytes;
  }
  bool operator!=(const ReshardState &other) const { return !(*this == other); }
  friend llvm::hash_code hash_value(const ReshardState &state) {
    return llvm::hash_combine(state.partial,
                              llvm::hash_combine_range(state.bytes.begin(), state.bytes.end()));
  }

  uint32_t partial; ///< a bit per atom

private:
  uint32_t rank;
  llvm::SmallVector<uint8_t, 16> bytes; ///< where the dimensions end, then their atoms
};

} // namespace tpc

/// The ranks of the two special keys are no tensor's.
template <>
struct llvm::DenseMapInfo<tpc::ReshardState> {
  static tpc::ReshardState getEmptyKey() { return tpc::ReshardState(0, ~0u); }
  static tpc::ReshardState getTombstoneKey() { return tpc::ReshardState(0, ~1u); }
  static unsigned getHashValue(const tpc::ReshardState &state) { return hash_value(state); }
  static bool isEqual(const tpc::ReshardState &a, const tpc::ReshardState &b) { return a == b; }
};

#endif // TPC_LIB_SHARDING_RESHARDSTATE_H
