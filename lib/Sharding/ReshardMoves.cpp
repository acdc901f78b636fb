//===- ReshardMoves.cpp ---------------------------------------------------===//

#include "ReshardMoves.h"
#include "llvm/ADT/STLExtras.h"
#include <set>

using namespace tpc;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;

std::string ReshardState::getKey() const {
  std::string key;
  for (const AtomList &list : dims) {
    key.append(list.begin(), list.end());
    key.push_back(static_cast<char>(0xff));
  }
  key.append(reinterpret_cast<const char *>(&partial), sizeof(partial));
  return key;
}

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
  uint32_t unused = (1u << atoms.size()) - 1;
  unused &= ~state.partial;
  for (const AtomList &list : state.dims)
    for (uint8_t atom : list)
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

void AtomTable::appendAtoms(ArrayRef<AxisRef> axes, AtomList &list) const {
  for (const AxisRef &ref : axes)
    for (unsigned i = 0; i < atoms.size(); ++i)
      if (ref.contains(atoms[i]))
        list.push_back(i);
}

ReshardState AtomTable::getState(const Layout &layout) const {
  ReshardState state;
  for (const AxisList &axes : layout.dims)
    appendAtoms(axes, state.dims.emplace_back());
  AtomList partial;
  appendAtoms(layout.partial, partial);
  for (uint8_t atom : partial)
    state.partial |= 1u << atom;
  return state;
}

Layout AtomTable::getLayout(const ReshardState &state, ReductionKind kind) const {
  Layout layout;
  layout.partialKind = kind;
  for (const AtomList &list : state.dims)
    layout.dims.push_back(getAxes(list));
  AtomList partial;
  for (unsigned i = 0; i < atoms.size(); ++i)
    if (state.partial >> i & 1)
      partial.push_back(i);
  layout.partial = getAxes(partial);
  return layout;
}

//===----------------------------------------------------------------------===//
// MoveGenerator
//===----------------------------------------------------------------------===//

SmallVector<ReshardMove> MoveGenerator::getMoves(const ReshardState &current) {
  state = &current;
  moves.clear();
  addSlices();
  addGathers();
  addExchanges();
  addReductions();
  return std::move(moves);
}

void MoveGenerator::add(CollectiveKind kind, unsigned dim, unsigned splitDim, AtomList moved,
                        ReshardState result) {
  moves.push_back({kind, dim, splitDim, std::move(moved), std::move(result)});
}

bool MoveGenerator::divides(unsigned dim, int64_t parts) const {
  return shape[dim] % (atoms.getSize(state->dims[dim]) * parts) == 0;
}

void MoveGenerator::addSlices() {
  uint32_t unused = atoms.getUnused(*state);
  for (unsigned dim = 0; dim < state->dims.size(); ++dim)
    for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
      if (!(unused >> atom & 1) || !divides(dim, atoms.getSize(atom)))
        continue;
      ReshardState next = *state;
      next.dims[dim].push_back(atom);
      add(CollectiveKind::Slice, dim, 0, {atom}, std::move(next));
    }
}

void MoveGenerator::addGathers() {
  for (unsigned dim = 0; dim < state->dims.size(); ++dim) {
    ReshardState next = *state;
    AtomList moved;
    while (!next.dims[dim].empty()) {
      moved.insert(moved.begin(), next.dims[dim].pop_back_val());
      add(CollectiveKind::AllGather, dim, 0, moved, next);
    }
  }
}

void MoveGenerator::addExchanges() {
  for (unsigned dim = 0; dim < state->dims.size(); ++dim)
    for (unsigned splitDim = 0; splitDim < state->dims.size(); ++splitDim) {
      const AtomList &list = state->dims[dim];
      for (size_t count = 1; splitDim != dim && count <= list.size(); ++count) {
        AtomList moved(list.end() - count, list.end());
        if (!divides(splitDim, atoms.getSize(moved)))
          continue;
        ReshardState next = *state;
        next.dims[dim].truncate(list.size() - count);
        next.dims[splitDim].append(moved);
        add(CollectiveKind::AllToAll, dim, splitDim, moved, std::move(next));
      }
    }
}

void MoveGenerator::addReductions() {
  for (uint32_t set = state->partial; set != 0; set = (set - 1) & state->partial) {
    AtomList moved;
    for (uint8_t atom = 0; atom < atoms.size(); ++atom)
      if (set >> atom & 1)
        moved.push_back(atom);
    ReshardState next = *state;
    next.partial &= ~set;
    add(CollectiveKind::AllReduce, 0, 0, std::move(moved), std::move(next));
  }
  AtomList chosen;
  addScatters(chosen);
}

/// Every ordered choice of partial atoms that begins with `chosen`.
void MoveGenerator::addScatters(AtomList &chosen) {
  for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
    if (!(state->partial >> atom & 1) || llvm::is_contained(chosen, atom))
      continue;
    chosen.push_back(atom);
    for (unsigned dim = 0; dim < state->dims.size(); ++dim) {
      if (!divides(dim, atoms.getSize(chosen)))
        continue;
      ReshardState next = *state;
      for (uint8_t moved : chosen)
        next.partial &= ~(1u << moved);
      next.dims[dim].append(chosen);
      add(CollectiveKind::ReduceScatter, dim, 0, chosen, std::move(next));
    }
    addScatters(chosen);
    chosen.pop_back();
  }
}

/// (atom, dimension, stride) of every atom in a dimension, sorted: where it lies.
static SmallVector<std::tuple<uint8_t, unsigned, int64_t>> getPlaces(const ReshardState &state,
                                                                     const AtomTable &atoms) {
  SmallVector<std::tuple<uint8_t, unsigned, int64_t>> places;
  for (unsigned dim = 0; dim < state.dims.size(); ++dim) {
    int64_t stride = 1;
    for (uint8_t atom : llvm::reverse(state.dims[dim])) {
      places.push_back({atom, dim, stride});
      stride *= atoms.getSize(atom);
    }
  }
  llvm::sort(places);
  return places;
}

SmallVector<ReshardMove> MoveGenerator::getPermutes(const ReshardState &current) {
  state = &current;
  moves.clear();
  if (llvm::all_of(state->dims, [](const AtomList &list) { return list.empty(); }))
    return {};
  ReshardState next;
  next.dims.resize(state->dims.size());
  next.partial = state->partial;
  uint32_t usable = ((1u << atoms.size()) - 1) & ~state->partial;
  fillDims(0, atoms.getSize(state->dims[0]), usable, next);
  return std::move(moves);
}

/// Chooses the atoms of `dim` and of the dimensions after it so that every dimension keeps its
/// number of parts.
void MoveGenerator::fillDims(unsigned dim, int64_t remaining, uint32_t usable, ReshardState &next) {
  if (remaining == 1 && dim + 1 < next.dims.size())
    return fillDims(dim + 1, atoms.getSize(state->dims[dim + 1]), usable, next);
  if (remaining == 1) {
    auto before = getPlaces(*state, atoms), after = getPlaces(next, atoms);
    SmallVector<std::tuple<uint8_t, unsigned, int64_t>> differing;
    std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                  std::back_inserter(differing));
    AtomList moved;
    for (auto [atom, place, stride] : differing)
      if (moved.empty() || moved.back() != atom)
        moved.push_back(atom);
    if (!moved.empty())
      add(CollectiveKind::Permute, 0, 0, std::move(moved), next);
    return;
  }
  for (uint8_t atom = 0; atom < atoms.size(); ++atom) {
    if (!(usable >> atom & 1) || remaining % atoms.getSize(atom) != 0)
      continue;
    next.dims[dim].push_back(atom);
    fillDims(dim, remaining / atoms.getSize(atom), usable & ~(1u << atom), next);
    next.dims[dim].pop_back();
  }
}
