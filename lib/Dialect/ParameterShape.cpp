//===- ParameterShape.cpp ------------------------------------------------------===//

#include "tpc/Dialect/ParameterShape.h"

using namespace tpc;

DimGroups tpc::getGroups(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> hfShape) {
  DimGroups groups;
  int64_t dim = 0, rank = shape.size();
  for (int64_t size : hfShape) {
    groups.emplace_back();
    int64_t product = 1;
    while (dim < rank && (groups.back().empty() || product < size)) {
      product *= shape[dim];
      groups.back().push_back(dim++);
    }
  }
  return groups;
}
