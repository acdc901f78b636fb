//===- LocalizationContext.cpp - offsets of a shard as index values ------------===//

#include "tpc/Dialect/LocalizationContext.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

ArrayAttr LocalizationContext::getAxesAttr(OpBuilder &builder, ArrayRef<AxisRef> axes) const {
  SmallVector<Attribute> attributes;
  for (const AxisRef &axis : getCanonical(axes, mesh))
    attributes.push_back(getAxisAttr(builder.getContext(), axis, mesh));
  return builder.getArrayAttr(attributes);
}

Value LocalizationContext::buildOffset(OpBuilder &builder, Location loc, ArrayRef<AxisRef> axes,
                                       int64_t localSize) const {
  if (axes.empty())
    return {};
  Value index = AxisIndexOp::create(builder, loc, builder.getIndexType(), meshSymbol,
                                    getAxesAttr(builder, axes));
  Value size = arith::ConstantIndexOp::create(builder, loc, localSize);
  return arith::MulIOp::create(builder, loc, index, size);
}
