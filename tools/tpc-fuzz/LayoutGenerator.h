//===- LayoutGenerator.h - random meshes and layouts -----------------------------===//

#ifndef TPC_FUZZ_LAYOUTGENERATOR_H
#define TPC_FUZZ_LAYOUTGENERATOR_H

#include "Random.h"
#include "tpc/Dialect/TPCDialect.h"

namespace tpc::fuzz {

/// One to four axes, at least two and at most `maxRanks` ranks; axes of size one included.
Mesh drawMesh(Random &random, int64_t maxRanks);

/// Draws layouts on one mesh: every dimension split over any ordered list of axes and sub-axes.
class LayoutGenerator {
public:
  /// `uneven`: a dimension may be split into parts that do not divide it.
  LayoutGenerator(Random &random, Mesh mesh, mlir::FlatSymbolRefAttr symbol, bool uneven)
      : random(random), mesh(std::move(mesh)), symbol(symbol), uneven(uneven) {}

  const Mesh &getMesh() const { return mesh; }
  /// A closed layout of a tensor of `shape`.
  LayoutAttr draw(llvm::ArrayRef<int64_t> shape);
  /// Dimensions may be open: propagation may split them further.
  LayoutAttr drawOpen(llvm::ArrayRef<int64_t> shape);

private:
  AxisList drawParts();
  Layout drawLayout(llvm::ArrayRef<int64_t> shape);

  Random &random;
  Mesh mesh;
  mlir::FlatSymbolRefAttr symbol;
  bool uneven;
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_LAYOUTGENERATOR_H
