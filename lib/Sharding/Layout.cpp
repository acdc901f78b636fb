//===- Layout.cpp ---------------------------------------------------------===//

#include "tpc/Sharding/Layout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace tpc;
using llvm::ArrayRef;
using llvm::SmallVector;

//===----------------------------------------------------------------------===//
// AxisRef
//===----------------------------------------------------------------------===//

/// An axis of size one, too, is used once only: its layouts are those of larger sizes.
/// Parts also share where their cuts do not nest: of an axis of size 6, (1)2 is r / 3 and (3)2 is
/// r % 2, which are not two digits of one number r.
bool AxisRef::overlaps(const AxisRef &other) const {
  if (axis != other.axis || *this == other)
    return axis == other.axis;
  const AxisRef &major = pre <= other.pre ? *this : other,
                &minor = pre <= other.pre ? other : *this;
  return minor.pre % (major.pre * major.size) != 0;
}

bool AxisRef::contains(const AxisRef &other) const {
  return axis == other.axis && other.pre % pre == 0 && (pre * size) % (other.pre * other.size) == 0;
}

/// How far apart two ranks are whose coordinates along the (sub-)axis differ by one.
static int64_t getStride(const AxisRef &ref, const Mesh &mesh) {
  int64_t stride = mesh.axes[ref.axis].size / (ref.pre * ref.size);
  for (unsigned i = ref.axis + 1, e = mesh.axes.size(); i < e; ++i)
    stride *= mesh.axes[i].size;
  return stride;
}

int64_t AxisRef::getCoordinate(const Mesh &mesh, int64_t rank) const {
  return (rank / getStride(*this, mesh)) % size;
}

//===----------------------------------------------------------------------===//
// Axis lists
//===----------------------------------------------------------------------===//

int64_t tpc::getSize(ArrayRef<AxisRef> axes) {
  int64_t size = 1;
  for (const AxisRef &ref : axes)
    size *= ref.size;
  return size;
}

AxisList tpc::getCanonical(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  AxisList merged;
  for (const AxisRef &ref : axes) {
    if (!merged.empty() && merged.back().axis == ref.axis &&
        merged.back().pre * merged.back().size == ref.pre)
      merged.back().size *= ref.size;
    else
      merged.push_back(ref);
  }
  return merged;
}

/// The rank that lies at `index` (row-major over `axes`) of the group whose first rank is `first`.
static int64_t getMember(ArrayRef<AxisRef> axes, const Mesh &mesh, int64_t first, int64_t index) {
  for (const AxisRef &ref : llvm::reverse(axes)) {
    first += (index % ref.size) * getStride(ref, mesh);
    index /= ref.size;
  }
  return first;
}

SmallVector<SmallVector<int64_t>> tpc::getGroups(ArrayRef<AxisRef> axes, const Mesh &mesh) {
  SmallVector<SmallVector<int64_t>> groups;
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    if (llvm::any_of(axes, [&](const AxisRef &ref) { return ref.getCoordinate(mesh, rank) != 0; }))
      continue;
    SmallVector<int64_t> &group = groups.emplace_back();
    for (int64_t index = 0, size = getSize(axes); index < size; ++index)
      group.push_back(getMember(axes, mesh, rank, index));
  }
  return groups;
}

/// What is left of `ref` without `removed`, major to minor; nothing if their cuts do not nest.
static void appendDifference(const AxisRef &ref, const AxisRef &removed, AxisList &left) {
  if (!ref.overlaps(removed)) {
    left.push_back(ref);
    return;
  }
  int64_t end = ref.pre * ref.size, removedEnd = removed.pre * removed.size;
  if (ref.pre < removed.pre && removed.pre % ref.pre == 0 && end % removed.pre == 0)
    left.push_back({ref.axis, ref.pre, removed.pre / ref.pre});
  if (removedEnd < end && removedEnd % ref.pre == 0 && end % removedEnd == 0)
    left.push_back({ref.axis, removedEnd, end / removedEnd});
}

static void dropFromList(AxisList &list, ArrayRef<AxisRef> axes) {
  for (const AxisRef &removed : axes) {
    AxisList left;
    for (const AxisRef &ref : list)
      appendDifference(ref, removed, left);
    list = std::move(left);
  }
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

Layout Layout::replicated(unsigned rank) {
  Layout layout;
  layout.dims.resize(rank);
  return layout;
}

bool Layout::isReplicated() const {
  return !isPartial() && llvm::all_of(dims, [](const AxisList &axes) { return axes.empty(); });
}

AxisList Layout::getUsedAxes() const {
  AxisList used;
  for (const AxisList &axes : dims)
    used.append(axes.begin(), axes.end());
  used.append(partial.begin(), partial.end());
  return used;
}

void Layout::dropAxes(ArrayRef<AxisRef> axes) {
  for (AxisList &list : dims)
    dropFromList(list, axes);
  dropFromList(partial, axes);
}

static bool isOpen(const Layout &layout, unsigned dim) {
  return dim < layout.open.size() && layout.open[dim];
}

bool Layout::operator==(const Layout &other) const {
  if (dims != other.dims || partial != other.partial)
    return false;
  if (isPartial() && partialKind != other.partialKind)
    return false;
  for (unsigned dim = 0; dim < dims.size(); ++dim)
    if (isOpen(*this, dim) != isOpen(other, dim))
      return false;
  return true;
}

std::optional<SmallVector<int64_t>> tpc::getLocalShape(ArrayRef<int64_t> shape,
                                                       const Layout &layout) {
  SmallVector<int64_t> local(shape.begin(), shape.end());
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim) {
    int64_t parts = getSize(layout.dims[dim]);
    if (shape[dim] % parts != 0)
      return std::nullopt;
    local[dim] = shape[dim] / parts;
  }
  return local;
}

SmallVector<int64_t> tpc::getOffsets(ArrayRef<int64_t> shape, const Layout &layout,
                                     const Mesh &mesh, int64_t rank) {
  SmallVector<int64_t> offsets;
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim) {
    int64_t index = 0;
    for (const AxisRef &ref : layout.dims[dim])
      index = index * ref.size + ref.getCoordinate(mesh, rank);
    offsets.push_back(index * (shape[dim] / getSize(layout.dims[dim])));
  }
  return offsets;
}

//===----------------------------------------------------------------------===//
// DTensor form
//===----------------------------------------------------------------------===//

static void printAxes(llvm::raw_ostream &os, ArrayRef<AxisRef> axes, const Mesh &mesh) {
  if (axes.size() > 1)
    os << "(";
  llvm::interleaveComma(axes, os, [&](const AxisRef &ref) {
    os << mesh.axes[ref.axis].name;
    if (!ref.isWhole(mesh))
      os << ":(" << ref.pre << ")" << ref.size;
  });
  if (axes.size() > 1)
    os << ")";
}

static llvm::StringRef getName(ReductionKind kind) {
  static const llvm::StringRef names[] = {"sum", "max", "min"};
  return names[static_cast<unsigned>(kind)];
}

std::string tpc::toDTensorString(const Layout &layout, const Mesh &mesh) {
  if (layout.isReplicated())
    return "Replicate";
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::ListSeparator separator;
  for (unsigned dim = 0; dim < layout.dims.size(); ++dim) {
    if (layout.dims[dim].empty())
      continue;
    os << separator << "Shard(" << dim << ") on ";
    printAxes(os, layout.dims[dim], mesh);
  }
  if (layout.isPartial()) {
    os << separator << "Partial(" << getName(layout.partialKind) << ") on ";
    printAxes(os, layout.partial, mesh);
  }
  return text;
}
