//===- CollectiveLocation.h - where a collective comes from, for messages ------===//

#ifndef TPC_LIB_TARGET_COLLECTIVELOCATION_H
#define TPC_LIB_TARGET_COLLECTIVELOCATION_H

#include "mlir/IR/Operation.h"
#include <string>

namespace tpc {

struct CollectiveLocation {
  std::string module;   ///< fully qualified name of a module of the model, or empty
  std::string location; ///< "tutorial.yaml:9", or empty
};

/// The first module name and the first file in the op's location.
CollectiveLocation getCollectiveLocation(mlir::Operation *op);

} // namespace tpc

#endif // TPC_LIB_TARGET_COLLECTIVELOCATION_H
