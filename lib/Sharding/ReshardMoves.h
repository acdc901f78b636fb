//===- ReshardMoves.h - layouts as states, collectives as moves --------------===//
//
// Inside the planner a mesh axis is cut into atoms. A state lists atoms per dimension and keeps the
// partial ones as a bit set.
//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_RESHARDMOVES_H
#define TPC_LIB_SHARDING_RESHARDMOVES_H

#include "tpc/Sharding/ReshardPlanner.h"

namespace tpc {

using AtomList = llvm::SmallVector<uint8_t, 4>;

struct ReshardState {
  llvm::SmallVector<AtomList, 4> dims;
  uint32_t partial = 0;

  std::string getKey() const;
  bool operator==(const ReshardState &other) const {
    return dims == other.dims && partial == other.partial;
  }
};

struct ReshardMove {
  CollectiveKind kind;
  unsigned dim = 0, splitDim = 0;
  AtomList atoms;
  ReshardState result;
};

/// The parts of mesh axes that a search moves around.
class AtomTable {
public:
  /// Cuts every mesh axis where a sub-axis of `from` or `to` begins or ends; fails if such cuts do
  /// not nest.
  static llvm::Expected<AtomTable> create(const Layout &from, const Layout &to, const Mesh &mesh);

  /// The same parts, each cut into its prime factors, the smallest most major.
  AtomTable getRefined() const;

  unsigned size() const { return atoms.size(); }
  int64_t getSize(uint8_t atom) const { return atoms[atom].size; }
  int64_t getSize(llvm::ArrayRef<uint8_t> list) const;
  int64_t getSize(uint32_t set) const;
  /// Atoms that neither split `state` nor are partial in it.
  uint32_t getUnused(const ReshardState &state) const;
  AxisList getAxes(llvm::ArrayRef<uint8_t> list) const;
  ReshardState getState(const Layout &layout) const;
  Layout getLayout(const ReshardState &state, ReductionKind kind) const;

private:
  void appendAtoms(llvm::ArrayRef<AxisRef> axes, AtomList &list) const;

  Mesh mesh;
  AxisList atoms;
};

/// Enumerates the moves out of a state.
class MoveGenerator {
public:
  MoveGenerator(const AtomTable &atoms, llvm::ArrayRef<int64_t> shape)
      : atoms(atoms), shape(shape) {}

  /// All but permutes, of which there are factorially many.
  llvm::SmallVector<ReshardMove> getMoves(const ReshardState &state);
  llvm::SmallVector<ReshardMove> getPermutes(const ReshardState &state);

private:
  void addSlices();
  void addGathers();
  void addExchanges();
  void addReductions();
  void addScatters(AtomList &chosen);
  void fillDims(unsigned dim, int64_t remaining, uint32_t unused, ReshardState &next);
  void add(CollectiveKind kind, unsigned dim, unsigned splitDim, AtomList moved,
           ReshardState result);
  /// Can `dim` of the current state be split further by `parts`?
  bool divides(unsigned dim, int64_t parts) const;

  const AtomTable &atoms;
  llvm::ArrayRef<int64_t> shape;
  const ReshardState *state = nullptr;
  llvm::SmallVector<ReshardMove> moves;
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_RESHARDMOVES_H
