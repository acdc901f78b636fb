//===- ReshardMoves.h - layouts as states, collectives as moves --------------===//
//===----------------------------------------------------------------------===//

#ifndef TPC_LIB_SHARDING_RESHARDMOVES_H
#define TPC_LIB_SHARDING_RESHARDMOVES_H

#include "ReshardState.h"
#include "tpc/Sharding/ReshardPlanner.h"

namespace tpc {

/// The atoms of a set, in their order.
AtomList getList(uint32_t set);

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
  /// The atoms that a collective from `before` to `after` runs over; `dim` as in ReshardStep.
  AtomList getMoved(CollectiveKind kind, unsigned dim, const ReshardState &before,
                    const ReshardState &after) const;
  ReshardState getState(const Layout &layout) const;
  Layout getLayout(const ReshardState &state, ReductionKind kind) const;
  /// Every atom, dimensions first, becomes the first of its class that is not taken. Layouts that
  /// differ by an exchange of atoms within classes become one.
  ReshardState getRenamed(const ReshardState &state, llvm::ArrayRef<unsigned> classes) const;

private:
  AtomList getAtoms(llvm::ArrayRef<AxisRef> axes) const;
  AtomList getPermuted(const ReshardState &before, const ReshardState &after) const;

  Mesh mesh;
  AxisList atoms;
};

/// Enumerates the moves out of a state.
class MoveGenerator {
public:
  /// Told of a move: its kind, dimensions as in ReshardStep, and what it results in.
  using Visit = llvm::function_ref<void(CollectiveKind, unsigned dim, unsigned splitDim,
                                        const ReshardState &)>;

  MoveGenerator(const AtomTable &atoms, llvm::ArrayRef<int64_t> shape)
      : atoms(atoms), shape(shape) {}

  /// All but permutes, of which there are factorially many.
  void visitMoves(const ReshardState &state, Visit visit) const;
  void visitPermutes(const ReshardState &state, Visit visit) const;

private:
  void visitSlices(const ReshardState &state, Visit visit) const;
  void visitGathers(const ReshardState &state, Visit visit) const;
  void visitExchanges(const ReshardState &state, Visit visit) const;
  void visitReductions(const ReshardState &state, Visit visit) const;
  void visitScatters(const ReshardState &state, AtomList &chosen, Visit visit) const;
  void fillDims(const ReshardState &state, unsigned dim, int64_t remaining, uint32_t usable,
                ReshardState &next, Visit visit) const;
  /// Can `dim` of `state` be split further by `parts`?
  bool divides(const ReshardState &state, unsigned dim, int64_t parts) const;

  const AtomTable &atoms;
  llvm::ArrayRef<int64_t> shape;
};

} // namespace tpc

#endif // TPC_LIB_SHARDING_RESHARDMOVES_H
