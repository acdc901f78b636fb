//===- LayoutGenerator.cpp -----------------------------------------------------===//

#include "LayoutGenerator.h"

using namespace tpc;
using namespace tpc::fuzz;

Mesh tpc::fuzz::drawMesh(Random &random, int64_t maxRanks) {
  static const int64_t sizes[] = {1, 2, 2, 2, 2, 3, 4, 4, 5, 6, 8};
  static const char *const names[] = {"dp", "tp", "cp", "ep"};
  while (true) {
    Mesh mesh;
    int64_t left = maxRanks;
    for (int64_t axis = 0, count = random.between(1, 4); axis < count; ++axis) {
      int64_t size = random.pick(sizes);
      if (size > left)
        continue;
      mesh.axes.push_back({names[axis], size});
      left /= size;
    }
    if (mesh.getNumRanks() > 1 || (maxRanks == 1 && !mesh.axes.empty()))
      return mesh;
  }
}

/// The axes, some of them cut in two, in any order.
AxisList LayoutGenerator::drawParts() {
  AxisList parts;
  for (unsigned axis = 0; axis < mesh.axes.size(); ++axis) {
    AxisRef whole = AxisRef::whole(mesh, axis);
    llvm::SmallVector<int64_t> divisors;
    for (int64_t major = 2; major < whole.size; ++major)
      if (whole.size % major == 0)
        divisors.push_back(major);
    if (divisors.empty() || random.chance(0.6)) {
      parts.push_back(whole);
      continue;
    }
    int64_t major = random.pick(divisors);
    parts.push_back({axis, 1, major});
    parts.push_back({axis, major, whole.size / major});
  }
  random.shuffle(parts);
  return parts;
}

Layout LayoutGenerator::drawLayout(llvm::ArrayRef<int64_t> shape) {
  Layout layout = Layout::replicated(shape.size());
  if (shape.empty())
    return layout;
  double density = random.chance(0.3) ? 0.9 : 0.5;
  for (const AxisRef &part : drawParts()) {
    if (!random.chance(density))
      continue;
    int64_t dim = random.below(static_cast<int64_t>(shape.size()));
    int64_t parts = getSize(layout.dims[dim]) * part.size;
    if (uneven || shape[dim] % parts == 0)
      layout.dims[dim].push_back(part);
  }
  return layout;
}

LayoutAttr LayoutGenerator::draw(llvm::ArrayRef<int64_t> shape) {
  return LayoutAttr::get(symbol, drawLayout(shape), mesh);
}

LayoutAttr LayoutGenerator::drawOpen(llvm::ArrayRef<int64_t> shape) {
  Layout layout = drawLayout(shape);
  for (size_t dim = 0; dim < shape.size(); ++dim)
    layout.open.push_back(random.chance(0.3));
  return LayoutAttr::get(symbol, layout, mesh);
}
