//===- ParameterShape.h - a parameter's dimensions here and in Hugging Face ------===//

#ifndef TPC_DIALECT_PARAMETERSHAPE_H
#define TPC_DIALECT_PARAMETERSHAPE_H

#include "mlir/IR/BuiltinTypes.h"

namespace tpc {

/// Dimensions of a value in the program, grouped as Hugging Face's code has them: {1, 1, 3} is [b,
/// s, (h, g, d)].
using DimGroups = llvm::SmallVector<llvm::SmallVector<int64_t, 3>, 3>;

/// Groups of a parameter: consecutive dimensions of `shape` whose sizes multiply to each dimension
/// of `hfShape`.
DimGroups getGroups(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> hfShape);

} // namespace tpc

#endif // TPC_DIALECT_PARAMETERSHAPE_H
