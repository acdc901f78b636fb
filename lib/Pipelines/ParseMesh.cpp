//===- ParseMesh.cpp - the meshes of command lines -----------------------------===//

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "tpc/Pipelines/Compile.h"

using namespace mlir;
using namespace tpc;

FailureOr<Mesh> tpc::parseMesh(StringRef text, MLIRContext *context) {
  auto error = [&] { return emitError(NameLoc::get(StringAttr::get(context, "--mesh"))); };
  constexpr int64_t kMostRanks = 1 << 20;
  int64_t ranks = 1;
  Mesh mesh;
  SmallVector<StringRef> words;
  text.split(words, ',');
  for (StringRef word : words) {
    auto [name, digits] = word.split('=');
    MeshAxis axis{name.trim().str(), 0};
    if (axis.name.empty() || digits.trim().getAsInteger(10, axis.size))
      return error() << "a mesh is written as axis=size, such as dp=2,tp=4, got '" << text << "'";
    if (axis.size < 1)
      return error() << "the size of axis '" << axis.name << "' should be at least 1, got "
                     << axis.size;
    if (mesh.findAxis(axis.name))
      return error() << "axis '" << axis.name << "' is given twice in '" << text << "'";
    ranks = axis.size > kMostRanks / ranks ? kMostRanks + 1 : ranks * axis.size;
    if (ranks > kMostRanks)
      return error() << "a mesh has at most " << kMostRanks << " ranks, got '" << text << "'";
    mesh.axes.push_back(axis);
  }
  return mesh;
}
