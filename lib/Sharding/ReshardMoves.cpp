//===- ReshardMoves.cpp ---------------------------------------------------===//

#include "ReshardMoves.h"
#include "llvm/ADT/STLExtras.h"
#include <set>

using namespace tpc;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;

//===----------------------------------------------------------------------===//
// AtomTable
//===----------------------------------------------------------------------===//

Expected<AtomTable> AtomTable::create(const Layout &from, const Layout &to, const Mesh &mesh) {
  SmallVector<std::set<int64_t>> cuts(mesh.axes.size());
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis)
    cuts[axis] = {1, mesh.axes[axis].size};
  for (const Layout *layout : {&from, &to})
    for (const AxisRef &ref : layout->getUsedAxes())
      cuts[ref.axis].insert({ref.pre, ref.pre * ref.size});
  AtomTable table;
  table.mesh = mesh;
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
    for (auto it = cuts[axis].begin(); std::next(it) != cuts[axis].end(); ++it) {
      if (*std::next(it) % *it != 0)
        return llvm::createStringError("sub-axes of '" + mesh.axes[axis].name +
                                       "' do not nest: one is cut at " + std::to_string(*it) +
                                       ", the other at " + std::to_string(*std::next(it)));
      table.atoms.push_back({axis, *it, *std::next(it) / *it});
    }
  }
  return table;
}

AtomTable AtomTable::getRefined() const {
  AtomTable table;
  table.mesh = mesh;
  for (const AxisRef &atom : atoms) {
    int64_t pre = atom.pre;
    for (int64_t rest = atom.size, factor = 2; rest > 1; ++factor)
      for (; rest % factor == 0; rest /= factor, pre *= factor)
        table.atoms.push_back({atom.axis, pre, factor});
  }
  return table;
}

int64_t AtomTable::getSize(uint32_t set) const {
  int64_t size = 1;
  for (unsigned atom = 0; atom < atoms.size(); ++atom)
    if (set >> atom & 1)
      size *= atoms[atom].size;
  return size;
}

uint32_t AtomTable::getUnused(const ReshardState &state) const {
  uint32_t unused = ((1u << atoms.size()) - 1) & ~state.partial;
  for (uint8_t atom : state.getAtoms())
    unused &= ~(1u << atom);
  return unused;
}

int64_t AtomTable::getSize(ArrayRef<uint8_t> list) const {
  int64_t size = 1;
  for (uint8_t atom : list)
    size *= atoms[atom].size;
  return size;
}

AxisList AtomTable::getAxes(ArrayRef<uint8_t> list) const {
  AxisList axes;
  for (uint8_t atom : list)
    axes.push_back(atoms[atom]);
  return getCanonical(axes, mesh);
}

AtomList AtomTable::getAtoms(ArrayRef<AxisRef> axes) const {
  AtomList list;
  for (const AxisRef &ref : axes)
    for (unsigned i = 0; i < atoms.size(); ++i)
      if (ref.contains(atoms[i]))
        list.push_back(i);
  return list;
}

ReshardState AtomTable::getState(const Layout &layout) const {
  ReshardState state(layout.getRank());
  for (unsigned dim = 0; dim < layout.getRank(); ++dim)
    state.append(dim, getAtoms(layout.dims[dim]));
  for (uint8_t atom : getAtoms(layout.partial))
    state.partial |= 1u << atom;
  return state;
}

AtomList tpc::getList(uint32_t set) {
  AtomList list;
  for (uint8_t atom = 0; set >> atom != 0; ++atom)
    if (set >> atom & 1)
      list.push_back(atom);
  return list;
}

Layout AtomTable::getLayout(const ReshardState &state, ReductionKind kind) const {
  Layout layout;
  layout.partialKind = kind;
  for (unsigned dim = 0; dim < state.getRank(); ++dim)
    layout.dims.push_back(getAxes(state.getDim(dim)));
  layout.partial = getAxes(getList(state.partial));
  return layout;
}

ReshardState AtomTable::getRenamed(const ReshardState &state, ArrayRef<unsigned> classes) const {
  uint32_t taken = 0;
  auto rename = [&](uint8_t atom) {
    uint8_t first = 0;
    while (taken >> first & 1 || classes[first] != classes[atom])
      ++first;
    taken |= 1u << first;
    return first;
  };
  ReshardState renamed = state;
  renamed.rename(rename);
  renamed.partial = 0;
  for (uint8_t atom : getList(state.partial))
    renamed.partial |= 1u << rename(atom);
  return renamed;
}

//===-- what a collective runs over ---------------------------------------------===//

/// Where the atoms lie: a number per dimension and stride; that of unused ones is -1.
static SmallVector<int64_t, 16> getPlaces(const ReshardState &state, const AtomTable &atoms) {
  SmallVector<int64_t, 16> places(atoms.size(), -1);
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    int64_t stride = 1;
    for (uint8_t atom : llvm::reverse(state.getDim(dim))) {
      places[atom] = stride * state.getRank() + dim;
      stride *= atoms.getSize(atom);
    }
  }
  return places;
}

AtomList AtomTable::getPermuted(const ReshardState &before, const ReshardState &after) const {
  SmallVector<int64_t, 16> from = getPlaces(before, *this), to = getPlaces(after, *this);
  AtomList moved;
  for (uint8_t atom = 0; atom < atoms.size(); ++atom)
    if (from[atom] != to[atom])
      moved.push_back(atom);
  return moved;
}

AtomList AtomTable::getMoved(CollectiveKind kind, unsigned dim, const ReshardState &before,
                             const ReshardState &after) const {
  auto getRest = [dim](const ReshardState &longer, const ReshardState &shorter) {
    return AtomList(longer.getDim(dim).drop_front(shorter.getDim(dim).size()));
  };
  switch (kind) {
  case CollectiveKind::Slice:
  case CollectiveKind::ReduceScatter:
    return getRest(after, before);
  case CollectiveKind::AllGather:
  case CollectiveKind::AllToAll:
    return getRest(before, after);
  case CollectiveKind::AllReduce:
    return getList(before.partial & ~after.partial);
  case CollectiveKind::Permute:
    return getPermuted(before, after);
  }
  llvm_unreachable("unknown collective");
}

//===----------------------------------------------------------------------===//
// MoveGenerator
//===----------------------------------------------------------------------===//

void MoveGenerator::visitMoves(const ReshardState &state, Visit visit) const {
  visitSlices(state, visit);
  visitGathers(state, visit);
  visitExchanges(state, visit);
  visitReductions(state, visit);
}

bool MoveGenerator::divides(const ReshardState &state, unsigned dim, int64_t parts) const {
  return shape[dim] % (atoms.getSize(state.getDim(dim)) * parts) == 0;
}

void MoveGenerator::visitSlices(const ReshardState &state, Visit visit) const {
  uint32_t unused = atoms.getUnused(state);
  for (unsigned dim = 0; dim < state.getRank(); ++dim)
    for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
      if (!(unused >> atom & 1) || !divides(state, dim, atoms.getSize(atom)))
        continue;
      ReshardState next = state;
      next.append(dim, atom);
      visit(CollectiveKind::Slice, dim, 0, next);
    }
}

void MoveGenerator::visitGathers(const ReshardState &state, Visit visit) const {
  for (unsigned dim = 0; dim < state.getRank(); ++dim) {
    ReshardState next = state;
    while (!next.getDim(dim).empty()) {
      next.dropBack(dim, 1);
      visit(CollectiveKind::AllGather, dim, 0, next);
    }
  }
}

void MoveGenerator::visitExchanges(const ReshardState &state, Visit visit) const {
  for (unsigned dim = 0; dim < state.getRank(); ++dim)
    for (unsigned splitDim = 0; splitDim < state.getRank(); ++splitDim) {
      ArrayRef<uint8_t> list = state.getDim(dim);
      for (size_t count = 1; splitDim != dim && count <= list.size(); ++count) {
        ArrayRef<uint8_t> moved = list.take_back(count);
        if (!divides(state, splitDim, atoms.getSize(moved)))
          continue;
        ReshardState next = state;
        next.dropBack(dim, count);
        next.append(splitDim, moved);
        visit(CollectiveKind::AllToAll, dim, splitDim, next);
      }
    }
}

void MoveGenerator::visitReductions(const ReshardState &state, Visit visit) const {
  for (uint32_t set = state.partial; set != 0; set = (set - 1) & state.partial) {
    ReshardState next = state;
    next.partial &= ~set;
    visit(CollectiveKind::AllReduce, 0, 0, next);
  }
  AtomList chosen;
  visitScatters(state, chosen, visit);
}

/// Every ordered choice of partial atoms that begins with `chosen`.
void MoveGenerator::visitScatters(const ReshardState &state, AtomList &chosen, Visit visit) const {
  for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
    if (!(state.partial >> atom & 1) || llvm::is_contained(chosen, atom))
      continue;
    chosen.push_back(atom);
    for (unsigned dim = 0; dim < state.getRank(); ++dim) {
      if (!divides(state, dim, atoms.getSize(chosen)))
        continue;
      ReshardState next = state;
      for (uint8_t moved : chosen)
        next.partial &= ~(1u << moved);
      next.append(dim, chosen);
      visit(CollectiveKind::ReduceScatter, dim, 0, next);
    }
    visitScatters(state, chosen, visit);
    chosen.pop_back();
  }
}

void MoveGenerator::visitPermutes(const ReshardState &state, Visit visit) const {
  if (state.getAtoms().empty())
    return;
  ReshardState next(state.getRank(), state.partial);
  uint32_t usable = ((1u << atoms.size()) - 1) & ~state.partial;
  fillDims(state, 0, atoms.getSize(state.getDim(0)), usable, next, visit);
}

/// Chooses the atoms of `dim` and of the dimensions after it so that every dimension keeps its
/// number of parts.
void MoveGenerator::fillDims(const ReshardState &state, unsigned dim, int64_t remaining,
                             uint32_t usable, ReshardState &next, Visit visit) const {
  if (remaining == 1 && dim + 1 < next.getRank())
    return fillDims(state, dim + 1, atoms.getSize(state.getDim(dim + 1)), usable, next, visit);
  if (remaining == 1) {
    if (next != state)
      visit(CollectiveKind::Permute, 0, 0, next);
    return;
  }
  for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
    if (!(usable >> atom & 1) || remaining % atoms.getSize(atom) != 0)
      continue;
    next.append(dim, atom);
    fillDims(state, dim, remaining / atoms.getSize(atom), usable & ~(1u << atom), next, visit);
    next.dropBack(dim, 1);
  }
}
