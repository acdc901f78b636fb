//===- LayoutReader.cpp ---------------------------------------------------===//

#include "tpc/Propagation/LayoutReader.h"

using namespace mlir;
using namespace tpc;

FailureOr<LayoutReader> LayoutReader::create(ModuleOp module) {
  auto meshes = llvm::to_vector(module.getOps<MeshOp>());
  if (meshes.size() != 1) {
    InFlightDiagnostic diagnostic = module.emitError()
                                    << "needs exactly one tpc.mesh, got " << meshes.size();
    for (MeshOp mesh : meshes)
      diagnostic.attachNote(mesh.getLoc()) << "here is @" << mesh.getSymName();
    return diagnostic;
  }
  LayoutReader reader;
  reader.mesh = meshes.front().getMesh().getMesh();
  reader.symbol = FlatSymbolRefAttr::get(meshes.front().getSymNameAttr());
  return reader;
}

void tpc::printAxes(llvm::raw_ostream &os, ArrayRef<AxisRef> axes, const Mesh &mesh) {
  llvm::interleaveComma(axes, os, [&](const AxisRef &axis) {
    os << "\"" << mesh.axes[axis.axis].name << "\"";
    if (!axis.isWhole(mesh))
      os << ":(" << axis.pre << ")" << axis.size;
  });
}

FailureOr<Layout> LayoutReader::read(LayoutAttr attribute, RankedTensorType type,
                                     EmitError emitError) const {
  if (attribute.getMesh() != symbol)
    return emitError() << "expects a layout on " << symbol << ", the module's mesh, got "
                       << attribute.getMesh();
  if (failed(attribute.verifyOn(emitError, mesh, type.getRank())))
    return failure();
  Layout layout = attribute.getLayout(mesh);
  if (layout.isPartial())
    return emitError() << "a layout that is asked for cannot be Partial, got "
                       << toDTensorString(layout, mesh)
                       << ": ask for Shard or Replicate, and the sum is formed there";
  return layout;
}

//===----------------------------------------------------------------------===//
// ParameterLayouts
//===----------------------------------------------------------------------===//

LogicalResult ParameterLayouts::add(ParamAttr param, LayoutAttr layout, Location loc) {
  Entry &entry = layouts[param.getName()];
  if (!layout)
    return success();
  if (entry.layout && entry.layout != layout) {
    InFlightDiagnostic diagnostic = emitError(loc)
                                    << "parameter '" << param.getName()
                                    << "' must have one layout in all functions, got " << layout;
    diagnostic.attachNote(entry.loc) << "which has it as " << entry.layout;
    return diagnostic;
  }
  if (!entry.layout)
    entry = {layout, loc};
  return success();
}

/// The layout of a parameter; of its state it is another matter.
static ParamAttr getParameter(DictionaryAttr attributes) {
  if (!attributes || attributes.contains(TPCDialect::kState))
    return {};
  return attributes.getAs<ParamAttr>(TPCDialect::kParam);
}

FailureOr<ParameterLayouts> ParameterLayouts::collect(ModuleOp module) {
  ParameterLayouts layouts;
  for (auto function : module.getOps<func::FuncOp>()) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      DictionaryAttr attributes = function.getArgAttrDict(i);
      Location loc = function.isExternal() ? function.getLoc() : function.getArgument(i).getLoc();
      if (ParamAttr param = getParameter(attributes))
        if (failed(layouts.add(param, attributes.getAs<LayoutAttr>(TPCDialect::kLayout), loc)))
          return failure();
    }
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      DictionaryAttr attributes = function.getResultAttrDict(i);
      if (ParamAttr param = getParameter(attributes))
        if (failed(layouts.add(param, attributes.getAs<LayoutAttr>(TPCDialect::kLayout),
                               function.getLoc())))
          return failure();
    }
  }
  return layouts;
}
