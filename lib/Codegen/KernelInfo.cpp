//===- KernelInfo.cpp ----------------------------------------------------------===//

#include "tpc/Codegen/KernelInfo.h"
#include "tpc/Dialect/TPCDialect.h"

using namespace mlir;
using namespace tpc;

KernelInfo KernelInfo::get(Operation *kernel) {
  KernelInfo info;
  auto dictionary = kernel->getAttrOfType<DictionaryAttr>(TPCDialect::kKernel);
  if (!dictionary)
    return info;
  if (auto extent = dictionary.getAs<IntegerAttr>("extent"))
    info.extent = extent.getInt();
  if (auto grain = dictionary.getAs<IntegerAttr>("grain"))
    info.grain = grain.getInt();
  if (auto results = dictionary.getAs<ArrayAttr>("in_place"))
    for (ArrayAttr operands : results.getAsRange<ArrayAttr>())
      info.inPlace.push_back(llvm::map_to_vector(operands.getAsValueRange<IntegerAttr>(),
                                                 [](const APInt &i) { return i.getSExtValue(); }));
  return info;
}

bool KernelInfo::allowsInPlace(unsigned result, unsigned operand) const {
  return result < inPlace.size() && llvm::is_contained(inPlace[result], operand);
}

bool KernelInfo::allowsInPlace(Operation *kernel, unsigned result, unsigned operand) {
  auto dictionary = kernel->getAttrOfType<DictionaryAttr>(TPCDialect::kKernel);
  auto results = dictionary ? dictionary.getAs<ArrayAttr>("in_place") : ArrayAttr();
  return results && result < results.size() &&
         llvm::any_of(
             cast<ArrayAttr>(results[result]).getAsRange<IntegerAttr>(),
             [&](IntegerAttr number) { return number.getInt() == operand; });
}

DictionaryAttr KernelInfo::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  auto results = llvm::map_to_vector(inPlace, [&](ArrayRef<int64_t> operands) -> Attribute {
    return builder.getI64ArrayAttr(operands);
  });
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("extent", builder.getI64IntegerAttr(extent)),
       builder.getNamedAttr("grain", builder.getI64IntegerAttr(grain)),
       builder.getNamedAttr("in_place", builder.getArrayAttr(results))});
}
