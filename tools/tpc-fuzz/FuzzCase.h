//===- FuzzCase.h - one generated program, and how it is to be run ---------------===//

#ifndef TPC_FUZZ_FUZZCASE_H
#define TPC_FUZZ_FUZZCASE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>

namespace tpc::fuzz {

struct FuzzCase {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  bool exact = true;   ///< sums are exact in any order: results must be equal, in the element types
  bool strict = false; ///< the plan policy
  uint64_t inputSeed = 0;                ///< of the interpreter's inputs, multiples of 1/4
  int64_t ids = 8;                       ///< integer inputs are ids below this
  std::string machine = "shared-memory"; ///< what costs are modelled on
  std::string storageAxes;               ///< of tpc-propagate-layouts; "" or one axis

  mlir::ModuleOp getModule() const { return module.get(); }

  FuzzCase clone() const {
    FuzzCase copy;
    copy.module = getModule().clone();
    copy.exact = exact;
    copy.strict = strict;
    copy.inputSeed = inputSeed;
    copy.ids = ids;
    copy.machine = machine;
    copy.storageAxes = storageAxes;
    return copy;
  }
};

} // namespace tpc::fuzz

#endif // TPC_FUZZ_FUZZCASE_H
