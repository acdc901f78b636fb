//===- VerifyShard.cpp ---------------------------------------------------------===//

#include "tpc/Dialect/VerifyShard.h"

using namespace mlir;
using namespace tpc;

static LogicalResult verifyGlobal(Operation *function, RankedTensorType tensor, GlobalAttr global,
                                  const Twine &what) {
  MeshOp mesh = lookupMesh(function, global.getLayout().getMesh());
  if (!mesh)
    return function->emitError() << what << " names an unknown mesh (P3), got "
                                 << global.getLayout().getMesh();
  Mesh grid = mesh.getMesh().getMesh();
  if (failed(global.getLayout().verifyOn([&] { return function->emitError() << what << ": "; },
                                         grid, global.getShape().size())))
    return failure();
  auto local = getLocalShape(global.getShape(), global.getLayout().getLayout(grid));
  if (!local || ArrayRef<int64_t>(*local) != tensor.getShape())
    return function->emitError() << what << " is no shard of its tpc.global (P3): "
                                 << "check tpc-localize; got " << tensor << " and " << global;
  return success();
}

LogicalResult tpc::verifyShard(Operation *function, RankedTensorType tensor,
                               DictionaryAttr attributes, const Twine &what) {
  if (!attributes)
    return success();
  ArrayRef<int64_t> padded = tensor.getShape();
  if (auto global = attributes.getAs<GlobalAttr>(TPCDialect::kGlobal)) {
    if (failed(verifyGlobal(function, tensor, global, what)))
      return failure();
    padded = global.getShape();
  }
  auto logical = attributes.getAs<DenseI64ArrayAttr>(TPCDialect::kLogicalShape);
  if (!logical)
    return success();
  ArrayRef<int64_t> shape = logical.asArrayRef();
  bool fits =
      shape.size() == padded.size() && llvm::all_of(llvm::zip(shape, padded), [](auto pair) {
        return std::get<0>(pair) >= 0 && std::get<0>(pair) <= std::get<1>(pair);
      });
  if (fits)
    return success();
  return function->emitError() << what
                               << " cannot have been padded from its tpc.logical_shape, got "
                               << tensor << " and " << logical;
}
