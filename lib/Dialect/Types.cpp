//===- Types.cpp - registration of the dialect's types -------------------------===//

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "tpc/Dialect/TPCDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tpc;

#define GET_TYPEDEF_CLASSES
#include "tpc/Dialect/TPCTypes.cpp.inc"

void TPCDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "tpc/Dialect/TPCTypes.cpp.inc"
      >();
}
